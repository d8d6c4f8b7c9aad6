//! Who may do what: asked before a verb changes anything, and after a refusal, to say why.

use std::time::Duration;

use flare_diagnostic::{Code, Diagnostic, Faults};
use futures_util::future::join_all;
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
};
use kube::{Api, api::PostParams, core::Status};
use tokio::time::timeout;

use crate::{Cluster, Operation, fault};

/// How long the questions about a refusal may take: they only make its message better.
const EXPLANATION_DEADLINE: Duration = Duration::from_secs(5);

impl Cluster {
    /// Asks the API server whether the user may do all of these. Every one that is refused is a fault of its own.
    pub async fn check_access(&self, operations: &[Operation]) -> Result<(), Faults> {
        let answers = join_all(operations.iter().map(|operation| self.may(operation))).await;
        let mut faults = Vec::new();
        for (operation, answer) in operations.iter().zip(answers) {
            match answer {
                Ok(true) => {}
                Ok(false) => faults.push(operation),
                Err(fault) => return Err(fault.into()),
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        let user = self.user().await;
        Faults::check(faults.into_iter().map(|operation| denied(user.as_deref(), operation)).collect(), || ())
    }

    /// Whether the user may do this, as the API server sees it.
    pub async fn may(&self, operation: &Operation) -> Result<bool, Diagnostic> {
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client().clone());
        let asking = Operation::on::<SelfSubjectAccessReview>("create", None);
        let review = question(operation);
        let parameters = PostParams::default();
        let answer = self.call(&asking, || api.create(&parameters, &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    /// The name by which the API server knows the user; `None` where it does not say.
    pub async fn user(&self) -> Option<String> {
        let api: Api<SelfSubjectReview> = Api::all(self.client().clone());
        let review = SelfSubjectReview::default();
        let answer = timeout(EXPLANATION_DEADLINE, api.create(&PostParams::default(), &review)).await.ok()?.ok()?;
        answer.status?.user_info?.username
    }
}

fn question(operation: &Operation) -> SelfSubjectAccessReview {
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

/// Says whether a refusal is one of permissions or of admission: both have the same status and reason.
pub(crate) async fn explain(cluster: &Cluster, status: &Status, operation: &Operation) -> Diagnostic {
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client().clone());
    let review = question(operation);
    let asked = timeout(EXPLANATION_DEADLINE, api.create(&PostParams::default(), &review)).await;
    match asked {
        Ok(Ok(answer)) if answer.status.as_ref().is_some_and(|status| status.allowed) => {
            fault::of_status(status, operation, cluster.target())
        }
        // Who may not even ask may not do it either: so the server treats users that it does not know.
        _ => denied(cluster.user().await.as_deref(), operation),
    }
}

fn denied(user: Option<&str>, operation: &Operation) -> Diagnostic {
    let who = user.map_or_else(|| "a user whom the cluster does not know".to_owned(), |user| format!("the user `{user}`"));
    let command = operation.granting_command();
    let hint = match user {
        Some(_) => format!("an administrator grants it with `{command}`, bound to that user by a role binding"),
        None => format!("log in, or choose another `--context`; the role would be `{command}`"),
    };
    Diagnostic::error(Code::PermissionDenied, format!("{who} may not {operation}")).hint(hint)
}
