//! A TCP proxy in front of the API server that cuts one connection of a run after a given number of bytes, or all of them at any time. It
//! forwards encrypted data, so the program talks to the real server, and the cut can be anywhere.

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
    /// After it has sent this number of bytes.
    Sent(u64),
    /// After it has sent more than [`LARGE`] and then received this number of bytes.
    Received(u64),
}

/// A connection that has sent this number of bytes carries files.
pub const LARGE: u64 = 256 << 10;

/// The traffic of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Bytes sent to the server.
    pub sent: u64,
    /// Bytes received after more than [`LARGE`] had been sent.
    pub received: u64,
}

#[derive(Debug, Default)]
struct State {
    cut: Option<Cut>,
    is_cut: bool,
    largest: Traffic,
}

/// The proxy. It runs until the process ends.
#[derive(Debug)]
pub struct CuttingProxy {
    /// A kubeconfig that uses the proxy.
    pub kubeconfig: PathBuf,
    state: Arc<Mutex<State>>,
    /// The connections of programs, also those that have ended.
    connections: Arc<Mutex<Vec<TcpStream>>>,
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
        // The certificate contains the server's name, not the proxy's.
        entry["tls-server-name"] = server.rsplit_once(':').map_or(server, |(host, _)| host).into();
        let server = server.parse().expect("the server of a local cluster is an address and a port");
        std::fs::write(kubeconfig, config.to_string()).unwrap();
        let proxy = Self { kubeconfig: kubeconfig.to_path_buf(), state: Arc::default(), connections: Arc::default() };
        let (state, connections) = (Arc::clone(&proxy.state), Arc::clone(&proxy.connections));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                connections.lock().unwrap().push(client.try_clone().unwrap());
                hand_on(&client, server, &state);
            }
        });
        proxy
    }

    /// Begins a run, with or without a cut.
    pub fn begin(&self, cut: Option<Cut>) {
        *self.state.lock().unwrap() = State { cut, ..State::default() };
    }

    /// Cuts every connection, and returns how many of them were open.
    pub fn cut_all(&self) -> usize {
        let connections = std::mem::take(&mut *self.connections.lock().unwrap());
        connections.into_iter().filter(|connection| connection.shutdown(Shutdown::Both).is_ok()).count()
    }

    /// The traffic of this run's connection that sent most.
    pub fn largest(&self) -> Traffic {
        self.state.lock().unwrap().largest
    }

    /// Whether a connection of this run was cut.
    pub fn is_cut(&self) -> bool {
        self.state.lock().unwrap().is_cut
    }
}

/// Forwards a connection, each direction in its own thread.
fn hand_on(client: &TcpStream, server: SocketAddr, state: &Arc<Mutex<State>>) {
    // The server may be down.
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

/// Counts `count` bytes; returns how many of them to forward, which is fewer if the connection is cut here.
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
