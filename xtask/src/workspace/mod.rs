//! What only makes sense in a checkout of flare-kube: its tests, its generated files, its demo and its benches.

pub(crate) mod bench;
mod cargo_programs;
pub(crate) mod checkout;
pub(crate) mod checks;
pub(crate) mod codegen;
pub(crate) mod cold;
pub(crate) mod demo;
mod packaging;
mod pinned;
pub(crate) mod programs;
mod steps;
pub(crate) mod test_cluster;
