//! Merges one tree over another, as `federation.yaml` merges a participant's config over the defaults.

use crate::{Node, NodeContent};

impl Node {
    /// Merges `top` over `base`, key by key: mappings are merged at every level, any other value of `top` replaces the whole
    /// value of `base`. Each value keeps its own place and file.
    ///
    /// A null in `top` means "left out", as everywhere (defect 28): the value of `base` stays. So a default cannot be unset:
    /// what even one participant must not have does not belong in the defaults.
    #[must_use]
    pub fn overlay(base: Self, top: Self) -> Self {
        if top.is_null() {
            return base;
        }
        let (mut entries, over) = match (base.content, top.content) {
            (NodeContent::Mapping(entries), NodeContent::Mapping(over)) => (entries, over),
            (_, content) => return Self { content, ..top },
        };
        for entry in over {
            match entries.iter_mut().find(|known| known.key.text == entry.key.text) {
                Some(known) => {
                    let null = NodeContent::Sequence(Vec::new());
                    let placeholder = Self { content: null, position: known.value.position, file: known.value.file.clone() };
                    let below = std::mem::replace(&mut known.value, placeholder);
                    if !entry.value.is_null() {
                        known.key = entry.key;
                    }
                    known.value = Self::overlay(below, entry.value);
                }
                None => entries.push(entry),
            }
        }
        Self { content: NodeContent::Mapping(entries), position: top.position, file: top.file }
    }
}
