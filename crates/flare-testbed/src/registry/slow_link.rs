//! A proxy with a limited rate, which makes the slow registry slow.
//!
//! It is not a separate program but a function that the program which starts the cluster calls if it is started with
//! [`SlowLink::arguments`]: an installed `flare-kube` is a single file, which may be anywhere.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use flare_diagnostic::{Code, Diagnostic, Faults};

/// The first of [`SlowLink::arguments`].
const ARGUMENT: &str = "internal:slow-link";

/// A slow link on loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowLink {
    /// The port where it listens.
    pub listen: u16,
    /// The port to which it forwards.
    pub forward: u16,
    /// Bytes per second from that port, for each connection.
    pub rate: u32,
}

impl SlowLink {
    /// The arguments with which the program that starts a cluster serves this link: a word that is not a verb, and three numbers.
    pub fn arguments(self) -> [String; 4] {
        [ARGUMENT.to_owned(), self.listen.to_string(), self.forward.to_string(), self.rate.to_string()]
    }

    /// The link that the arguments of this process, including its name, ask for.
    pub fn asked_for(arguments: &[OsString]) -> Option<Self> {
        let [_, word, listen, forward, rate] = arguments else { return None };
        let number = |text: &OsString| text.to_str()?.parse::<u32>().ok();
        let port = |text| number(text).and_then(|port| u16::try_from(port).ok());
        (word == ARGUMENT).then_some(())?;
        Some(Self { listen: port(listen)?, forward: port(forward)?, rate: number(rate)? })
    }
}

/// Serves a link until the process ends.
///
/// # Errors
/// The port is taken.
pub fn serve_slow_link(link: SlowLink) -> Result<(), Faults> {
    let taken = |error: io::Error| {
        Diagnostic::error(Code::ClusterFailed, format!("port {} of the slow registry cannot be taken: {error}", link.listen))
            .hint("choose another port for the cluster's registry")
    };
    serve(&TcpListener::bind((Ipv4Addr::LOCALHOST, link.listen)).map_err(taken)?, link);
    Ok(())
}

fn serve(listener: &TcpListener, link: SlowLink) {
    for client in listener.incoming() {
        // A failed connection only affects its client.
        let _ = client.and_then(|client| connect(client, link));
    }
}

fn connect(client: TcpStream, link: SlowLink) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, link.forward))?;
    let (mut asking, mut asked) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut asking, &mut asked);
        let _ = asked.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = pour(&server, &client, link.rate);
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// Forwards bytes in twenty small portions per second, so that a client sees progress.
fn pour(mut from: impl Read, mut to: impl Write, rate: u32) -> io::Result<()> {
    let mut portion = vec![0; usize::try_from(rate / 20).unwrap_or(usize::MAX).max(1)];
    loop {
        let length = from.read(&mut portion)?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&portion[..length])?;
        // The pause of each portion is independent: idle time does not allow a burst.
        thread::sleep(Duration::from_micros(length as u64 * 1_000_000 / u64::from(rate.max(1))));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream},
        time::{Duration, Instant},
    };

    use super::{SlowLink, serve};

    #[test]
    fn a_process_serves_a_link_only_where_its_arguments_ask_for_one() {
        let asked = |line: &str| SlowLink::asked_for(&line.split(' ').map(Into::into).collect::<Vec<_>>());
        let link = SlowLink { listen: 5002, forward: 5000, rate: 1 << 20 };
        assert_eq!(asked(&format!("flare-kube {}", link.arguments().join(" "))), Some(link));
        let others = [
            "flare-kube",
            "flare-kube slow-link 1 2 3",
            "flare-kube internal:slow-link 1 2",
            "flare-kube internal:slow-link 1 99999 3",
        ];
        assert!(others.into_iter().all(|line| asked(line).is_none()));
    }

    #[test]
    fn bytes_come_whole_and_no_faster_than_the_rate() {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let forward = target.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = target.accept().unwrap();
            let mut asked = [0; 3];
            stream.read_exact(&mut asked).unwrap();
            stream.write_all(&vec![7; 50_000]).unwrap();
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap().port();
        std::thread::spawn(move || serve(&listener, SlowLink { listen, forward, rate: 100_000 }));
        let mut client = TcpStream::connect(("127.0.0.1", listen)).unwrap();
        let began = Instant::now();
        client.write_all(b"GET").unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert_eq!(got, vec![7; 50_000]);
        assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    }
}
