//! Access reviews: before a verb changes anything, and after a refusal, to explain it.

use flare_diagnostic::{Diagnostic, Faults};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::{Api, api::PostParams};

use crate::{
    Cluster, Operation,
    permission::{denied, question, user},
    rules,
};

/// How many questions are asked at the same time.
const AT_ONCE: usize = 8;

impl Cluster {
    /// Asks the API server whether the user may do all of these. Each refused one is a separate fault.
    ///
    /// For many in one namespace it first asks for the user's rules there, and then only for what none of these grants.
    pub async fn check_access(&self, operations: &[Operation]) -> Result<(), Faults> {
        let open = Box::pin(rules::not_granted(self.client(), operations)).await;
        let questions: Vec<_> = open.iter().map(|&operation| self.may(operation)).collect();
        // One that is not answered ends the others.
        let answers: Vec<bool> = stream::iter(questions).buffered(AT_ONCE).try_collect().await?;
        let refused = open.into_iter().zip(answers).filter(|(_, allowed)| !allowed);
        let refused: Vec<&Operation> = refused.map(|(operation, _)| operation).collect();
        if refused.is_empty() {
            return Ok(());
        }
        let user = self.user().await;
        Faults::check(refused.into_iter().map(|operation| denied(user.as_deref(), operation)).collect(), || ())
    }

    /// Whether the user may do this, according to the API server.
    pub async fn may(&self, operation: &Operation) -> Result<bool, Diagnostic> {
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client().clone());
        let asking = Operation::on::<SelfSubjectAccessReview>("create", None);
        let review = question(operation);
        let parameters = PostParams::default();
        let answer = self.call(&asking, || api.create(&parameters, &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    /// The name by which the API server knows the user; `None` if it does not tell.
    pub async fn user(&self) -> Option<String> {
        user(self.client()).await
    }
}
