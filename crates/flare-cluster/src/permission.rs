//! Explains refusals by the API server.

use std::time::Duration;

use flare_diagnostic::{Code, Diagnostic};
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams, core::Status};
use tokio::time::timeout;

use crate::{Operation, endpoint::Endpoint, fault};

/// How long finding out about a refusal may take, which only improves its message.
const EXPLANATION_DEADLINE: Duration = Duration::from_secs(5);

/// The name under which the API server knows this client; `None` if it does not tell.
pub(crate) async fn user(client: &Client) -> Option<String> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = SelfSubjectReview::default();
    let answer = timeout(EXPLANATION_DEADLINE, api.create(&PostParams::default(), &review)).await.ok()?.ok()?;
    answer.status?.user_info?.username
}

pub(crate) fn question(operation: &Operation) -> SelfSubjectAccessReview {
    let attributes = ResourceAttributes {
        group: Some(operation.group().to_owned()),
        namespace: operation.namespace().map(str::to_owned),
        resource: Some(operation.resource().to_owned()),
        subresource: operation.part().map(str::to_owned),
        verb: Some(operation.verb().to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..SelfSubjectAccessReviewSpec::default() };
    SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() }
}

/// Finds out whether a refusal is about permissions or admission: both have the same status and reason.
pub(crate) async fn explain(client: &Client, endpoint: &Endpoint, status: &Status, operation: &Operation) -> Diagnostic {
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let review = question(operation);
    let asked = timeout(EXPLANATION_DEADLINE, api.create(&PostParams::default(), &review)).await;
    match asked {
        Ok(Ok(answer)) if answer.status.as_ref().is_some_and(|status| status.allowed) => {
            fault::of_status(status, operation, endpoint)
        }
        // A user who may not even ask lacks the permission too; the server treats unknown users this way.
        _ => denied(user(client).await.as_deref(), operation),
    }
}

/// The refusal of a path that belongs to no object, such as `/version`: only permissions decide about it, since admission sees nothing
/// but writes of objects.
pub(crate) async fn path_denied(client: &Client, status: &Status, path: &str, endpoint: &Endpoint) -> Diagnostic {
    let user = user(client).await;
    let command = format!("kubectl create clusterrole flare-kube-get --verb=get --non-resource-url={path}");
    let hint = match &user {
        Some(_) => format!(
            "an administrator grants it with `{command}`, bound to that user by a cluster role binding, as `system:public-info-viewer` does by default"
        ),
        None => format!("log in, or choose another `--context`; the role would be `{command}`"),
    };
    let (who, server, said) = (named(user.as_deref()), endpoint.server_text(), fault::clipped(&status.message));
    Diagnostic::error(Code::PermissionDenied, format!("{who} may not get `{path}` of {server}: {said}")).hint(hint)
}

fn named(user: Option<&str>) -> String {
    user.map_or_else(|| "a user whom the cluster does not know".to_owned(), |user| format!("the user `{user}`"))
}

pub(crate) fn denied(user: Option<&str>, operation: &Operation) -> Diagnostic {
    let who = named(user);
    let command = operation.granting_command();
    let hint = match user {
        Some(_) => format!("an administrator grants it with `{command}`, bound to that user by a role binding"),
        None => format!("log in, or choose another `--context`; the role would be `{command}`"),
    };
    Diagnostic::error(Code::PermissionDenied, format!("{who} may not {operation}")).hint(hint)
}
