//! Sockets that listen. Several on one port (SO_REUSEPORT) share its connections, which the kernel spreads over them; so
//! that a second server which was started by mistake does not get half of them, a port is first asked for alone.

use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;

use super::options::ServeError;

/// Connections that wait to be accepted at one socket.
const BACKLOG: u32 = 1024;

/// An address that is held, but not listened on: it gets no connections, and nobody who asks for any free port gets this one.
pub(super) struct Reserved {
    /// With the port that it got.
    pub(super) address: SocketAddr,
    _socket: TcpSocket,
}

/// Takes `address` for sockets of [`shared`] to listen on.
pub(super) fn reserve(address: SocketAddr) -> Result<Reserved, ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    if address.port() != 0 {
        // Fails where anybody listens there, which SO_REUSEPORT alone would not tell. The probe is gone at once.
        alone(address)?;
    }
    let socket = socket(address, true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    Ok(Reserved { address: socket.local_addr().map_err(failed)?, _socket: socket })
}

/// Listens on an address that no other socket listens on.
pub(super) fn alone(address: SocketAddr) -> Result<TcpListener, ServeError> {
    listen(address, false)
}

/// Listens on an address together with others that do the same.
pub(super) fn shared(address: SocketAddr) -> Result<TcpListener, ServeError> {
    listen(address, true)
}

fn listen(address: SocketAddr, shared: bool) -> Result<TcpListener, ServeError> {
    let listen = || {
        let socket = socket(address, shared)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listen().map_err(|source| ServeError::Listen { address, source })
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that starts again need not wait for the connections of the one before to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(shared)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[tokio::test]
    async fn a_reserved_port_is_shared_by_those_who_know_and_by_nobody_else() {
        let reserved = reserve(any()).unwrap();
        assert!(std::net::TcpStream::connect(reserved.address).is_err(), "nobody listens yet");
        let one = shared(reserved.address).unwrap();
        let two = shared(reserved.address).unwrap();
        assert_eq!(one.local_addr().unwrap(), two.local_addr().unwrap());
        assert!(matches!(alone(reserved.address), Err(ServeError::Listen { .. })));
        assert!(matches!(reserve(reserved.address), Err(ServeError::Listen { .. })), "another family");
        drop((one, two));
        shared(reserved.address).unwrap();
    }
}
