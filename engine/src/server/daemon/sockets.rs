//! Listening sockets. Several sockets on one port (SO_REUSEPORT) share its connections, which the kernel distributes. To keep a
//! second server that was started by mistake from getting half of them, a port is first bound exclusively.

use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;

use super::options::ServeError;

/// Connections that may wait to be accepted on one socket.
const BACKLOG: u32 = 1024;

/// A bound address that nothing listens on: it gets no connections, and the system does not assign its port to others.
pub(super) struct Reserved {
    /// The address with its actual port.
    pub(super) address: SocketAddr,
    _socket: TcpSocket,
}

/// Binds `address` for sockets of [`shared`] to listen on.
pub(super) fn reserve(address: SocketAddr) -> Result<Reserved, ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    if address.port() != 0 {
        // Fails if another socket listens there, which SO_REUSEPORT would not detect. This probe is closed immediately.
        exclusive(address)?;
    }
    let socket = socket(address, true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    Ok(Reserved { address: socket.local_addr().map_err(failed)?, _socket: socket })
}

/// Listens on an address that no other socket listens on.
pub(super) fn exclusive(address: SocketAddr) -> Result<TcpListener, ServeError> {
    listen(address, false)
}

/// Listens on an address that other sockets of this function may share.
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
    // A restarted server need not wait until old connections have left TIME_WAIT.
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
    async fn a_reserved_port_can_be_shared_but_not_bound_exclusively_or_reserved_again() {
        let reserved = reserve(any()).unwrap();
        assert!(std::net::TcpStream::connect(reserved.address).is_err(), "nothing listens yet");
        let one = shared(reserved.address).unwrap();
        let two = shared(reserved.address).unwrap();
        assert_eq!(one.local_addr().unwrap(), two.local_addr().unwrap());
        assert!(matches!(exclusive(reserved.address), Err(ServeError::Listen { .. })));
        assert!(matches!(reserve(reserved.address), Err(ServeError::Listen { .. })), "another supervisor");
        drop((one, two));
        shared(reserved.address).unwrap();
    }
}
