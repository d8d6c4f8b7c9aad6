//! To which sites a job is deployed, in any form that FLARE reads.

use crate::document::{Kind, Node};

/// The sites of `deploy_map`.
pub(super) enum Deployed<'node> {
    /// `@ALL`, or a form that is not recognised.
    Everywhere,
    Sites(Vec<&'node str>),
}

impl<'node> Deployed<'node> {
    /// Reads the map; without one, every site has the job.
    pub(super) fn read(map: Option<&'node Node>) -> Self {
        let mut sites = Vec::new();
        for app in map.map_or(&[][..], Node::entries) {
            collect_sites(&app.value, &mut sites);
        }
        if sites.is_empty() || sites.iter().any(|site| site.eq_ignore_ascii_case("@ALL")) {
            Self::Everywhere
        } else {
            Self::Sites(sites)
        }
    }

    /// Whether the job is deployed to a site.
    pub(super) fn holds(&self, site: &str) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Sites(sites) => sites.contains(&site),
        }
    }
}

/// A site's name, a list of them, or a mapping with `sites` or the older `targets`.
fn collect_sites<'node>(node: &'node Node, sites: &mut Vec<&'node str>) {
    match &node.kind {
        Kind::Text(site) => sites.push(site),
        Kind::List(items) => items.iter().for_each(|item| collect_sites(item, sites)),
        Kind::Object(_) => {
            if let Some(inner) = node.get("targets").or_else(|| node.get("sites")) {
                collect_sites(inner, sites);
            }
        }
        _ => {}
    }
}
