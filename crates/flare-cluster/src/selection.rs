//! Selects objects of a kind.

/// Which objects are listed or watched; all by default.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// A label selector, such as `app=parent`.
    pub labels: Option<String>,
    /// A field selector, such as `metadata.name=parent`.
    pub fields: Option<String>,
}

impl Selection {
    /// The object of this name.
    pub fn named(name: &str) -> Self {
        Self { labels: None, fields: Some(format!("metadata.name={name}")) }
    }

    /// The objects with these labels, such as `app=parent,role!=job`.
    pub fn labelled(labels: impl Into<String>) -> Self {
        Self { labels: Some(labels.into()), fields: None }
    }
}
