//! Where each field came from: the text form of `launch manifest`.

use std::fmt;

use serde::Serialize;

use crate::origin::Origin;

/// One field of the pod, its value (tokens hidden) and the source of the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldOrigin {
    /// The path in the pod; the main container is written as `container`.
    pub field: String,
    /// The value, shortened; never a token.
    pub value: String,
    /// Who decided it.
    pub origin: Origin,
}

/// All fields, in the order in which they were decided. Its `Display` form is a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Explanation(Vec<FieldOrigin>);

impl Explanation {
    /// The rows.
    pub fn fields(&self) -> &[FieldOrigin] {
        &self.0
    }

    /// The row of a field, if there is one.
    pub fn field(&self, field: &str) -> Option<&FieldOrigin> {
        self.0.iter().find(|row| row.field == field)
    }

    pub(crate) fn add(&mut self, field: &str, value: impl Into<String>, origin: Origin) {
        self.0.push(FieldOrigin { field: field.to_owned(), value: value.into(), origin });
    }

    pub(crate) fn container(&mut self, field: &str, value: impl Into<String>, origin: Origin) {
        self.add(&format!("container.{field}"), value, origin);
    }

    pub(crate) fn env(&mut self, name: &str, value: &str, origin: Origin) {
        self.add(&format!("container.env.{name}"), value, origin);
    }

    pub(crate) fn volume(&mut self, name: &str, value: impl Into<String>, origin: Origin) {
        self.add(&format!("volumes.{name}"), value, origin);
    }
}

/// Three columns: field, value, source.
impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&FieldOrigin) -> &str, most: usize| {
            self.0.iter().map(|row| of(row).chars().count()).max().unwrap_or(0).min(most)
        };
        let (fields, values) = (width(|row| &row.field, 60), width(|row| &row.value, 60));
        for row in &self.0 {
            let printable: String = row.value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            writeln!(formatter, "{:fields$}  {printable:values$}  {}", row.field, row.origin)?;
        }
        Ok(())
    }
}
