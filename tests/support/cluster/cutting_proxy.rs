//! A way to the API server that breaks: a TCP proxy that cuts one connection of a run after so many bytes. What it hands on stays
//! encrypted, so the program meets the real server, and the cut comes wherever the number of bytes says.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use super::Cluster;
use super::run::succeed_json;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy)]
pub enum Cut {
    /// After it has sent so many bytes.
    Sent(u64),
    /// After it has sent more than [`LARGE`], and received so many bytes since.
    Received(u64),
}

/// A connection that has sent so many bytes is the one that carries files.
pub const LARGE: u64 = 256 << 10;

/// What went over a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Bytes to the server.
    pub sent: u64,
    /// Bytes back, since it had sent more than [`LARGE`].
    pub received: u64,
}

#[derive(Debug, Default)]
struct State {
    cut: Option<Cut>,
    is_cut: bool,
    largest: Traffic,
}

/// The proxy. It lives as long as the process.
#[derive(Debug)]
pub struct CuttingProxy {
    /// A kubeconfig that leads through it.
    pub kubeconfig: PathBuf,
    state: Arc<Mutex<State>>,
}

impl CuttingProxy {
    /// Starts it in front of a cluster's API server, and writes `kubeconfig`.
    pub fn start(cluster: &Cluster, kubeconfig: &Path) -> Self {
        let mut config = succeed_json(cluster.kubectl().args(["config", "view", "--raw", "--flatten", "--output", "json"]));
        let entry = &mut config["clusters"][0]["cluster"];
        let server = entry["server"].as_str().expect("a cluster has a server").to_owned();
        let server = server.strip_prefix("https://").expect("an API server speaks TLS");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        entry["server"] = format!("https://{address}").into();
        // The certificate names the server itself.
        entry["tls-server-name"] = server.rsplit_once(':').map_or(server, |(host, _)| host).into();
        let server = server.parse().expect("the server of a local cluster is an address and a port");
        std::fs::write(kubeconfig, config.to_string()).unwrap();
        let proxy = Self { kubeconfig: kubeconfig.to_path_buf(), state: Arc::default() };
        let state = Arc::clone(&proxy.state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                hand_on(&client, server, &state);
            }
        });
        proxy
    }

    /// Begins a run, with a cut or without.
    pub fn begin(&self, cut: Option<Cut>) {
        *self.state.lock().unwrap() = State { cut, ..State::default() };
    }

    /// Of this run, what went over the connection that sent most.
    pub fn largest(&self) -> Traffic {
        self.state.lock().unwrap().largest
    }

    /// Whether a connection of this run was cut.
    pub fn is_cut(&self) -> bool {
        self.state.lock().unwrap().is_cut
    }
}

/// Hands a connection on, each direction in a thread of its own.
fn hand_on(client: &TcpStream, server: SocketAddr, state: &Arc<Mutex<State>>) {
    // A server that is down answers nobody.
    let Ok(server) = TcpStream::connect(server) else { return };
    let traffic = Arc::new(Mutex::new(Traffic::default()));
    for to_server in [true, false] {
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        if !to_server {
            std::mem::swap(&mut from, &mut to);
        }
        let (state, traffic) = (Arc::clone(state), Arc::clone(&traffic));
        thread::spawn(move || {
            let mut block = [0; 8 << 10];
            while let Ok(count @ 1..) = from.read(&mut block) {
                let passes = passes(&state, &traffic, to_server, count);
                if to.write_all(&block[..passes]).is_err() || passes < count {
                    break;
                }
            }
            for end in [from, to] {
                let _ = end.shutdown(Shutdown::Both);
            }
        });
    }
}

/// Counts `count` bytes, and says how many of them still go through: fewer where the connection is cut here.
fn passes(state: &Mutex<State>, traffic: &Mutex<Traffic>, to_server: bool, count: usize) -> usize {
    let (mut state, mut traffic) = (state.lock().unwrap(), traffic.lock().unwrap());
    let before = *traffic;
    if to_server {
        traffic.sent += count as u64;
    } else if traffic.sent > LARGE {
        traffic.received += count as u64;
    }
    if traffic.sent >= state.largest.sent {
        state.largest = *traffic;
    }
    let (limit, before, now) = match state.cut {
        Some(Cut::Sent(limit)) if to_server => (limit, before.sent, traffic.sent),
        Some(Cut::Received(limit)) if !to_server && traffic.sent > LARGE => (limit, before.received, traffic.received),
        _ => return count,
    };
    if state.is_cut || now <= limit {
        return count;
    }
    state.is_cut = true;
    usize::try_from(limit.saturating_sub(before)).unwrap_or(0).min(count - 1)
}
