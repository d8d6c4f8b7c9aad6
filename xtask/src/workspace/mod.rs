//! What only makes sense in a checkout of flare-kube: its tests, its generated files, its demo and its benches.

mod announcement;
mod bench;
mod cargo_programs;
mod checkout;
mod checks;
mod codegen;
mod cold;
mod demo;
mod demo_cluster;
mod demo_job;
mod fault_table;
mod left_out;
mod measuring;
mod packages;
mod packaging;
mod pinned;
mod programs;
mod steps;
mod test_cluster;
mod verbs;

pub(crate) use verbs::{Verb, run};
