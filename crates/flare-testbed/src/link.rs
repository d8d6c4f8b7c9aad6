//! The one link between this machine and a cluster's network, and the addresses at its two ends.
//!
//! A link is named by its block of addresses, so its name is short and no two clusters can have the same one; the kernel
//! decides who gets it, since creating a link with a name that is in use fails. Its alias names the cluster.

use std::{collections::BTreeSet, net::Ipv4Addr};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::Value;

use crate::{
    Context,
    command::{command, run},
    namespaces::{Namespaces, state_label},
    state::StateDirectory,
};

/// The number of blocks of 172.31.255.0/24, each of four addresses: network, this machine, node, broadcast.
const BLOCKS: u8 = 64;

/// The name of the link's end inside the cluster.
const INNER: &str = "machine0";

/// A block of four addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Block(u8);

impl Block {
    /// This machine's address.
    pub(crate) fn machine(self) -> Ipv4Addr {
        Ipv4Addr::new(172, 31, 255, self.0 * 4 + 1)
    }

    /// The cluster's address.
    pub(crate) fn node(self) -> Ipv4Addr {
        Ipv4Addr::new(172, 31, 255, self.0 * 4 + 2)
    }

    /// The name of the link's end on this machine, at most 15 bytes.
    fn link(self) -> String {
        format!("flarekube{}", self.0)
    }

    /// Whether an address range of the machine overlaps the block.
    fn meets(self, address: Ipv4Addr, prefix: u32) -> bool {
        let first = u32::from(Ipv4Addr::new(172, 31, 255, self.0 * 4));
        let mask = |bits: u32| u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
        let shared = mask(prefix.min(30));
        u32::from(address) & shared == first & shared
    }
}

/// The blocks that nothing on the machine uses, from addresses and routes as printed by `ip -json`. The default route
/// and routes as wide as a cloud's 172.16.0.0/12 do not count: a narrower route always takes precedence.
pub(crate) fn free_blocks(addresses: &Value, routes: &Value) -> Vec<Block> {
    let ranges: BTreeSet<_> = ranges_of_addresses(addresses).chain(ranges_of_routes(routes)).collect();
    let is_free = |block: &Block| !ranges.iter().any(|(address, prefix)| block.meets(*address, *prefix));
    (0..BLOCKS).map(Block).filter(is_free).collect()
}

fn ranges_of_addresses(addresses: &Value) -> impl Iterator<Item = (Ipv4Addr, u32)> {
    let links = addresses.as_array().into_iter().flatten();
    let infos = links.flat_map(|link| link["addr_info"].as_array().into_iter().flatten());
    infos.filter_map(|info| {
        let prefix = u32::try_from(info["prefixlen"].as_u64()?).ok()?;
        // An address itself always counts, its range only if it is narrow.
        Some((info["local"].as_str()?.parse().ok()?, if prefix < NARROW { 32 } else { prefix }))
    })
}

fn ranges_of_routes(routes: &Value) -> impl Iterator<Item = (Ipv4Addr, u32)> {
    let destinations = routes.as_array().into_iter().flatten().filter_map(|route| route["dst"].as_str());
    destinations.filter_map(|destination| {
        let (address, prefix) = destination.split_once('/').unwrap_or((destination, "32"));
        let prefix = prefix.parse().ok()?;
        (prefix >= NARROW).then_some((address.parse().ok()?, prefix))
    })
}

/// A route with at least this prefix length conflicts with a block.
const NARROW: u32 = 20;

/// Connects this machine to the cluster with a free block.
pub(crate) fn connect(context: &Context<'_>, state: &StateDirectory, namespaces: &Namespaces<'_>) -> Result<Block, Faults> {
    let free = free(context)?;
    for block in &free {
        let link = block.link();
        let id = namespaces.init_process().to_string();
        // Both ends at once, the inner one already inside: a run that is killed here leaves nothing.
        let words = ["link", "add", &link, "type", "veth", "peer", "name", INNER, "netns", &id];
        match run(command(context, "ip")?.args(words), &[]) {
            Ok(_) => {}
            // Another cluster has taken the block meanwhile.
            Err(_) if exists(context, &link)? => continue,
            Err(faults) => return Err(faults),
        }
        let ip = |words: &[&str]| run(command(context, "ip")?.args(words), &[]);
        ip(&["link", "set", "dev", &link, "alias", &alias(state)])?;
        ip(&["address", "add", &format!("{}/30", block.machine()), "dev", &link])?;
        ip(&["link", "set", &link, "up"])?;
        namespaces.run(&["ip", "address", "add", &format!("{}/30", block.node()), "dev", INNER])?;
        namespaces.run(&["ip", "link", "set", INNER, "up"])?;
        refuse_outbound(namespaces)?;
        return Ok(*block);
    }
    Err(no_block().into())
}

/// Lets this machine connect to the cluster, but not the cluster to this machine.
fn refuse_outbound(namespaces: &Namespaces<'_>) -> Result<(), Faults> {
    for chain in ["OUTPUT", "FORWARD"] {
        let new = ["-m", "conntrack", "!", "--ctstate", "ESTABLISHED,RELATED", "-j", "DROP"];
        let words = [&["iptables", "-w", "-I", chain, "-o", INNER][..], &new[..]].concat();
        namespaces.run(&words)?;
    }
    Ok(())
}

/// The blocks that are free now.
pub(crate) fn free(context: &Context<'_>) -> Result<Vec<Block>, Faults> {
    let addresses = json(context, &["-json", "-4", "address", "show"])?;
    let routes = json(context, &["-json", "-4", "route", "show", "table", "all"])?;
    Ok(free_blocks(&addresses, &routes))
}

/// The fault of a machine on which no block is free.
pub(crate) fn no_block() -> Diagnostic {
    Diagnostic::error(Code::MachineNotReady, "no four addresses of `172.31.255.0/24` are free for a cluster")
        .hint("end clusters that are not needed (`cluster down --name …`), or remove the address or route that covers the range")
}

/// Removes the remaining links of the cluster, and returns their names.
pub(crate) fn remove(context: &Context<'_>, state: &StateDirectory) -> Result<Vec<String>, Faults> {
    let links = json(context, &["-json", "link", "show"])?;
    let ours = |link: &&Value| link["ifalias"] == alias(state);
    let mut removed = Vec::new();
    for link in links.as_array().into_iter().flatten().filter(ours) {
        let Some(name) = link["ifname"].as_str() else { continue };
        let deleted = run(command(context, "ip")?.args(["link", "delete", name]), &[]);
        // The kernel may have removed it with the network namespace at its other end.
        if deleted.is_err() && exists(context, name)? {
            return Err(crate::fault::failed(format!("the link `{name}` cannot be removed")).into());
        }
        removed.push(name.to_owned());
    }
    Ok(removed)
}

/// The alias of the cluster's link; the kernel keeps at most 255 bytes.
fn alias(state: &StateDirectory) -> String {
    let full = format!("{} {}", state.control_group(), state_label(state));
    full.char_indices().take_while(|(at, letter)| at + letter.len_utf8() <= 250).map(|(_, letter)| letter).collect()
}

fn exists(context: &Context<'_>, link: &str) -> Result<bool, Faults> {
    Ok(crate::command::output(command(context, "ip")?.args(["link", "show", "dev", link]), &[])?.status.success())
}

fn json(context: &Context<'_>, words: &[&str]) -> Result<Value, Faults> {
    let text = run(command(context, "ip")?.args(words), &[])?;
    // Without any entry `ip` prints nothing or an empty list.
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{BLOCKS, Block, free_blocks};

    #[test]
    fn every_block_has_a_short_name_and_addresses_of_its_own() {
        let blocks: Vec<_> = (0..BLOCKS).map(Block).collect();
        let names: BTreeSet<_> = blocks.iter().map(|block| block.link()).collect();
        let addresses: BTreeSet<_> = blocks.iter().flat_map(|block| [block.machine(), block.node()]).collect();
        assert_eq!((names.len(), addresses.len()), (64, 128));
        assert!(names.iter().all(|name| name.len() <= 15));
        assert_eq!(Block(63).node().to_string(), "172.31.255.254");
    }

    #[test]
    fn what_the_machine_uses_is_not_free() {
        let nothing = json!([]);
        assert_eq!(free_blocks(&nothing, &nothing).len(), 64);
        let address = |local: &str, prefix: u8| json!([{"ifname": "x", "addr_info": [{"local": local, "prefixlen": prefix}]}]);
        assert_eq!(free_blocks(&address("172.31.255.1", 30), &nothing)[0], Block(1));
        // A cloud's own network: its address is in use, the rest of its wide range is not.
        assert_eq!(free_blocks(&address("172.31.255.5", 16), &nothing).len(), 63);
        assert_eq!(
            free_blocks(&nothing, &json!([{"dst": "172.31.255.128/25"}, {"dst": "default"}, {"dst": "172.16.0.0/12"}])).len(),
            32
        );
        assert_eq!(free_blocks(&nothing, &json!([{"dst": "172.31.255.9"}, {"dst": "172.31.254.0/24"}])).len(), 63);
        assert_eq!(free_blocks(&address("172.31.240.1", 20), &nothing).len(), 0);
    }
}
