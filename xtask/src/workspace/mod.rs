//! What only makes sense in a checkout of flare-kube: its tests, its generated files, its demo and its benches.

pub(crate) mod bench;
pub(crate) mod checkout;
pub(crate) mod checks;
pub(crate) mod codegen;
pub(crate) mod demo;
pub(crate) mod programs;
pub(crate) mod test_cluster;
