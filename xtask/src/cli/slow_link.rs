//! `slow-link`: the hidden verb that makes a local cluster's slow registry slow. The cluster starts it; people never do.

use flare_testbed::registry::{SlowLink, serve_slow_link};

use crate::output::{Ended, Outcome};

/// Pass bytes on from another port of this machine at a rate.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "PORT")]
    listen: u16,
    #[arg(long, value_name = "PORT")]
    forward: u16,
    #[arg(long, value_name = "BYTES")]
    rate: u32,
}

/// Serves until the process is ended.
pub(crate) fn run(arguments: &Arguments) -> Ended {
    serve_slow_link(SlowLink { listen: arguments.listen, forward: arguments.forward, rate: arguments.rate })?;
    Ok(Outcome::default())
}
