//! The rules that the API server knows of a user: one question in place of one for each operation.
//!
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/>.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceRule, SelfSubjectRulesReview, SelfSubjectRulesReviewSpec};
use kube::{Api, Client, api::PostParams};
use tokio::time::timeout;

use crate::Operation;

/// The number of operations in a namespace from which on its rules are asked for.
const MANY: usize = 4;

/// How long the API server may take to tell its rules, without which each operation is asked for.
const DEADLINE: Duration = Duration::from_secs(5);

/// The operations that no known rule grants, in their order. Whether they are granted nevertheless is still to be asked: some authorizers
/// have no rules to show. What a rule grants is granted, according to Kubernetes, also where the list is incomplete.
pub(crate) async fn not_granted<'asked>(client: &Client, operations: &'asked [Operation]) -> Vec<&'asked Operation> {
    let mut open: Vec<&Operation> = operations.iter().collect();
    let mut namespaces: Vec<&str> = operations.iter().filter_map(Operation::namespace).collect();
    namespaces.sort_unstable();
    let groups = namespaces.chunk_by(|one, next| one == next).filter(|group| group.len() >= MANY);
    let asked: Vec<&str> = groups.filter_map(|group| group.first().copied()).collect();
    for namespace in asked {
        let rules = of_user(client, namespace).await;
        open.retain(|operation| operation.namespace() != Some(namespace) || !rules.iter().any(|rule| grants(rule, operation)));
    }
    open
}

/// The user's rules in a namespace; none if the API server does not tell them.
async fn of_user(client: &Client, namespace: &str) -> Vec<ResourceRule> {
    let api: Api<SelfSubjectRulesReview> = Api::all(client.clone());
    let spec = SelfSubjectRulesReviewSpec { namespace: Some(namespace.to_owned()) };
    let question = SelfSubjectRulesReview { spec, ..SelfSubjectRulesReview::default() };
    let parameters = PostParams::default();
    let answer = timeout(DEADLINE, api.create(&parameters, &question)).await;
    let status = answer.ok().and_then(Result::ok).and_then(|review| review.status);
    status.map(|status| status.resource_rules).unwrap_or_default()
}

/// Whether a rule grants an operation on every object of its resource, as RBAC compares them.
fn grants(rule: &ResourceRule, operation: &Operation) -> bool {
    let has = |list: &[String], wanted: &str| list.iter().any(|one| one == "*" || one == wanted);
    let groups = rule.api_groups.as_deref().unwrap_or_default();
    let resources = rule.resources.as_deref().unwrap_or_default();
    let names = rule.resource_names.as_deref().unwrap_or_default();
    let is_part = |part: &str| resources.iter().any(|one| one.strip_prefix("*/") == Some(part));
    let is_resource = has(resources, &operation.with_part()) || operation.part().is_some_and(is_part);
    names.is_empty() && is_resource && has(groups, operation.group()) && has(&rule.verbs, operation.verb())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_grants_what_rbac_takes_it_to_grant() {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let rule = |verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]| ResourceRule {
            verbs: owned(verbs),
            api_groups: Some(owned(groups)),
            resources: Some(owned(resources)),
            resource_names: Some(owned(names)),
        };
        let pods = Operation::named("get", "", "pods", Some("fl"));
        let log = pods.clone().subresource("log");
        let deployments = Operation::named("patch", "apps", "deployments", Some("fl"));
        let all = rule(&["*"], &["*"], &["*"], &[]);
        let reads = rule(&["get", "list"], &[""], &["pods"], &[]);
        let logs = rule(&["get"], &[""], &["pods/log"], &[]);
        let every_log = rule(&["get"], &[""], &["*/log"], &[]);
        let one = rule(&["get"], &[""], &["pods", "pods/log"], &["site-1"]);
        let other_group = rule(&["*"], &["extensions"], &["deployments", "pods"], &[]);
        for (rule, expected) in [
            (&all, [true, true, true]),
            (&reads, [true, false, false]),
            (&logs, [false, true, false]),
            (&every_log, [false, true, false]),
            (&one, [false, false, false]),
            (&other_group, [false, false, false]),
            (&ResourceRule { verbs: owned(&["*"]), ..ResourceRule::default() }, [false, false, false]),
        ] {
            assert_eq!([&pods, &log, &deployments].map(|operation| grants(rule, operation)), expected, "{rule:?}");
        }
    }
}
