//! A request to the API server in the terms of an RBAC rule, for access reviews and for messages.

use std::fmt;

use kube::Resource;

/// A verb on a resource, in a namespace or across the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    verb: &'static str,
    group: String,
    resource: String,
    subresource: Option<&'static str>,
    namespace: Option<String>,
    name: Option<String>,
}

impl Operation {
    /// A verb on a kind of object: `Operation::on::<Pod>("create", Some("site-1"))`.
    pub fn on<K: Resource<DynamicType = ()>>(verb: &'static str, namespace: Option<&str>) -> Self {
        Self::named(verb, &K::group(&()), &K::plural(&()), namespace)
    }

    /// A verb on a resource by its API group (empty for the core group) and plural.
    pub fn named(verb: &'static str, group: &str, resource: &str, namespace: Option<&str>) -> Self {
        let (group, resource, namespace) = (group.to_owned(), resource.to_owned(), namespace.map(str::to_owned));
        Self { verb, group, resource, subresource: None, namespace, name: None }
    }

    /// The permissions for running a program in a pod. A WebSocket's handshake is a GET; servers from 1.35 on also require `create`.
    pub fn exec(namespace: &str) -> [Self; 2] {
        Self::pod_connection("exec", namespace)
    }

    /// The permissions for reaching a port of a pod.
    pub(crate) fn port_forward(namespace: &str) -> [Self; 2] {
        Self::pod_connection("portforward", namespace)
    }

    fn pod_connection(subresource: &'static str, namespace: &str) -> [Self; 2] {
        ["get", "create"].map(|verb| Self::named(verb, "", "pods", Some(namespace)).subresource(subresource))
    }

    /// The same verb on a part of the object, such as `status`.
    #[must_use]
    pub fn subresource(mut self, subresource: &'static str) -> Self {
        self.subresource = Some(subresource);
        self
    }

    /// The same for one object by its name.
    #[must_use]
    pub fn object(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Another verb on the same objects.
    pub(crate) fn with_verb(&self, verb: &'static str) -> Self {
        Self { verb, ..self.clone() }
    }

    /// Whether it may be sent again if it is not known whether the first request arrived.
    pub(crate) fn may_be_repeated(&self) -> bool {
        // Every `patch` here is an apply or a merge, which are idempotent. A deletion names the object's uid.
        matches!(self.verb, "get" | "list" | "watch" | "patch" | "delete") && self.subresource.is_none_or(|part| part != "exec")
    }

    pub(crate) fn verb(&self) -> &'static str {
        self.verb
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    pub(crate) fn part(&self) -> Option<&'static str> {
        self.subresource
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Where it takes place, as the end of a sentence.
    pub(crate) fn place(&self) -> String {
        self.namespace.as_ref().map_or_else(|| "across the cluster".to_owned(), |namespace| format!("in namespace `{namespace}`"))
    }

    /// The object or the resource, for messages: `pods "a"`.
    pub(crate) fn what(&self) -> String {
        let resource = self.with_part();
        self.name.as_ref().map_or_else(|| format!("`{resource}`"), |name| format!("`{resource}` `{name}`"))
    }

    /// `pods/exec`, without the group.
    pub(crate) fn with_part(&self) -> String {
        self.subresource.map_or_else(|| self.resource.clone(), |part| format!("{}/{part}", self.resource))
    }

    /// The resource as `kubectl create role --resource=` takes it: `deployments.apps/scale`.
    fn for_kubectl(&self) -> String {
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let part = self.subresource.map(|part| format!("/{part}")).unwrap_or_default();
        format!("{}{group}{part}", self.resource)
    }

    /// The command with which an administrator creates the missing role.
    pub(crate) fn granting_command(&self) -> String {
        let (verb, resource) = (self.verb, self.for_kubectl());
        match &self.namespace {
            Some(namespace) => {
                format!("kubectl create role flare-kube-{verb} --namespace={namespace} --verb={verb} --resource={resource}")
            }
            None => format!("kubectl create clusterrole flare-kube-{verb} --verb={verb} --resource={resource}"),
        }
    }
}

/// Shows `create pods/exec in namespace a`.
impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.verb, self.what(), self.place())
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{apps::v1::Deployment, core::v1::Namespace};

    use super::*;

    #[test]
    fn a_message_names_verb_resource_and_place() {
        let scale = Operation::on::<Deployment>("patch", Some("site-1")).subresource("scale").object("parent");
        assert_eq!(scale.to_string(), "patch `deployments/scale` `parent` in namespace `site-1`");
        assert_eq!(Operation::on::<Namespace>("create", None).to_string(), "create `namespaces` across the cluster");
    }

    #[test]
    fn the_granting_command_is_one_that_kubectl_takes() {
        let scale = Operation::on::<Deployment>("patch", Some("site-1")).subresource("scale");
        let expected = "kubectl create role flare-kube-patch --namespace=site-1 --verb=patch --resource=deployments.apps/scale";
        assert_eq!(scale.granting_command(), expected);
        let namespaces = Operation::on::<Namespace>("create", None);
        assert_eq!(
            namespaces.granting_command(),
            "kubectl create clusterrole flare-kube-create --verb=create --resource=namespaces"
        );
    }
}
