//! How an object of the API server appears in a `Debug` form: a pod has its job's tokens in arguments and variables.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Shows only the name and the uid of an object.
pub(crate) struct Identity<'object>(pub(crate) &'object ObjectMeta);

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        write!(formatter, "{} {}", text(&self.0.name), text(&self.0.uid))
    }
}
