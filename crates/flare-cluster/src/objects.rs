//! Reads, applies, creates and deletes objects of one kind.

use std::fmt::Debug;

use flare_diagnostic::{Code, Diagnostic};
use kube::{
    Api, Resource,
    api::{
        ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
    },
    core::{ClusterResourceScope, NamespaceResourceScope},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Cluster, FIELD_MANAGER, Operation, Selection};

/// The number of objects in one page of a list.
const PAGE: u32 = 500;

/// Options of a write.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions {
    /// The server checks the write and answers, but stores nothing.
    pub dry_run: bool,
    /// Takes fields over from another field manager.
    pub force: bool,
}

/// Options of a deletion.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Seconds that a pod gets to end by itself; `None`: as the object specifies.
    pub grace_seconds: Option<u32>,
    /// Deletes only the object with this uid, not one that was created under the same name meanwhile.
    pub uid: Option<String>,
    /// Deletes only this `resourceVersion`, not an object that was changed meanwhile.
    pub version: Option<String>,
    /// Deletes owned objects first, before the object itself.
    pub foreground: bool,
}

/// The objects of one kind, in one namespace or across the cluster.
#[derive(Clone)]
pub struct Objects<K> {
    pub(crate) cluster: Cluster,
    pub(crate) api: Api<K>,
    any: Operation,
}

impl<K> std::fmt::Debug for Objects<K> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Objects")
            .field("resource", &self.any.what())
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// The objects of a kind in a namespace.
    pub fn namespaced<K>(&self, namespace: &str) -> Objects<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let any = Operation::on::<K>("get", Some(namespace));
        Objects { cluster: self.clone(), api: Api::namespaced(self.client().clone(), namespace), any }
    }

    /// The objects of a kind that has no namespace, such as `StorageClass`.
    pub fn unnamespaced<K>(&self) -> Objects<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    {
        Objects { cluster: self.clone(), api: Api::all(self.client().clone()), any: Operation::on::<K>("get", None) }
    }

    /// The objects of a kind that is known only at run time, such as those of a manifest.
    pub fn dynamic(&self, resource: &ApiResource, namespace: Option<&str>) -> Objects<DynamicObject> {
        let client = self.client().clone();
        let api = match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, resource),
            None => Api::all_with(client, resource),
        };
        let any = Operation::named("get", &resource.group, &resource.plural, namespace);
        Objects { cluster: self.clone(), api, any }
    }
}

impl<K> Objects<K> {
    /// A verb on these objects, for access reviews.
    pub fn operation(&self, verb: &'static str) -> Operation {
        self.any.with_verb(verb)
    }
}

impl<K: Clone + DeserializeOwned + Debug> Objects<K> {
    /// The object of this name; `None` if there is none. Only a Kubernetes API says that, not a proxy that answers for it with a page.
    pub async fn find(&self, name: &str) -> Result<Option<K>, Diagnostic> {
        match self.get(name).await {
            Ok(object) => Ok(Some(object)),
            Err(fault) if fault.code == Code::ObjectNotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The object of this name; its absence is an error.
    pub async fn get(&self, name: &str) -> Result<K, Diagnostic> {
        self.cluster.call(&self.operation("get").object(name), || self.api.get(name)).await
    }

    /// All selected objects, read page by page.
    pub async fn list(&self, selection: &Selection) -> Result<Vec<K>, Diagnostic> {
        let operation = self.operation("list");
        let mut found = Vec::new();
        let mut parameters = ListParams::default().limit(PAGE);
        parameters.label_selector.clone_from(&selection.labels);
        parameters.field_selector.clone_from(&selection.fields);
        loop {
            let page = self.cluster.call(&operation, || self.api.list(&parameters)).await?;
            found.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters.continue_token = Some(token),
                None => return Ok(found),
            }
        }
    }

    /// Deletes an object. Returns `false` if it did not exist or had another uid or version than the deletion names.
    pub async fn delete(&self, name: &str, deletion: &DeleteOptions) -> Result<bool, Diagnostic> {
        let is_conditional = deletion.uid.is_some() || deletion.version.is_some();
        let parameters = DeleteParams {
            grace_period_seconds: deletion.grace_seconds,
            propagation_policy: Some(if deletion.foreground {
                PropagationPolicy::Foreground
            } else {
                PropagationPolicy::Background
            }),
            preconditions: is_conditional
                .then(|| Preconditions { uid: deletion.uid.clone(), resource_version: deletion.version.clone() }),
            ..DeleteParams::default()
        };
        let operation = self.operation("delete").object(name);
        match self.cluster.call(&operation, || self.api.delete(name, &parameters)).await {
            Ok(_) => Ok(true),
            Err(fault) if fault.code == Code::ObjectNotFound => Ok(false),
            Err(fault) if fault.code == Code::ObjectConflict && is_conditional => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Changes some fields by a JSON merge patch, for objects that others created.
    pub async fn merge(&self, name: &str, change: &serde_json::Value, write: WriteOptions) -> Result<K, Diagnostic> {
        let parameters =
            PatchParams { dry_run: write.dry_run, field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let operation = self.operation("patch").object(name);
        let patch = Patch::Merge(change);
        self.cluster.call(&operation, || self.api.patch(name, &parameters, &patch)).await
    }
}

impl<K: Clone + DeserializeOwned + Debug + Serialize> Objects<K> {
    /// Applies the object by server-side apply. A conflict with the fields of another manager is refused unless forced;
    /// a field that the server does not know is refused as well.
    pub async fn apply(&self, name: &str, object: &K, write: WriteOptions) -> Result<K, Diagnostic> {
        self.apply_as(FIELD_MANAGER, name, object, write).await
    }

    /// As [`Self::apply`], with a field manager for a part of an object that is shared: what it applied before and leaves out now is
    /// removed, unless another manager has it too. At most 128 characters.
    pub async fn apply_as(&self, manager: &str, name: &str, object: &K, write: WriteOptions) -> Result<K, Diagnostic> {
        let parameters =
            PatchParams { dry_run: write.dry_run, force: write.force, ..PatchParams::apply(manager).validation_strict() };
        let operation = self.operation("patch").object(name);
        let patch = Patch::Apply(object);
        self.cluster.call(&operation, || self.api.patch(name, &parameters, &patch)).await
    }

    /// Creates the object. `OBJECT_CONFLICT` if one of this name exists.
    pub async fn create(&self, object: &K, write: WriteOptions) -> Result<K, Diagnostic> {
        let parameters = PostParams { dry_run: write.dry_run, field_manager: Some(FIELD_MANAGER.to_owned()) };
        self.cluster.call(&self.operation("create"), || self.api.create(&parameters, object)).await
    }

    /// Replaces the object. `OBJECT_CONFLICT` if its `resourceVersion` is no longer the newest, which is used for taking locks.
    pub async fn replace(&self, name: &str, object: &K) -> Result<K, Diagnostic> {
        let parameters = PostParams { dry_run: false, field_manager: Some(FIELD_MANAGER.to_owned()) };
        let operation = self.operation("update").object(name);
        self.cluster.call(&operation, || self.api.replace(name, &parameters, object)).await
    }
}
