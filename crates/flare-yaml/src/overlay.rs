//! One tree laid over another, as `federation.yaml` lays a participant's config over the defaults.

use crate::{Content, Node};

impl Node {
    /// Lays `top` over `base`, key by key: mappings are merged at every level, any other value of `top` replaces the one
    /// of `base` whole. Each value keeps its own place and file.
    ///
    /// A null in `top` means "left out there", as everywhere (defect 28): the value of `base` stays. There is so no way to
    /// take a default back to nothing; what one participant alone must not have does not belong into the defaults.
    #[must_use]
    pub fn overlay(base: Self, top: Self) -> Self {
        if top.is_null() {
            return base;
        }
        let (mut entries, over) = match (base.content, top.content) {
            (Content::Mapping(entries), Content::Mapping(over)) => (entries, over),
            (_, content) => return Self { content, ..top },
        };
        for entry in over {
            match entries.iter_mut().find(|known| known.key.text == entry.key.text) {
                Some(known) => {
                    let null = Content::Sequence(Vec::new());
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
        Self { content: Content::Mapping(entries), position: top.position, file: top.file }
    }
}
