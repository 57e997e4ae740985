//! Requests as templates that are prepared once for each client, so that sending one only copies bytes. A variable must
//! never change where a line or the head ends.

use std::fmt::Write as _;
use std::sync::Arc;

use super::error::LoadError;
use super::exchange::{Answer, Content, Exchange};
use super::plan::Client;

/// The requests of one client, ready to be sent.
pub(super) struct ClientRequests {
    requests: Vec<RequestTemplate>,
}

/// One request with every variable filled in except numbers.
pub(super) struct RequestTemplate {
    head: Vec<Piece>,
    body: Body,
    /// The right status.
    pub(super) status: u16,
    /// The right body.
    pub(super) answer: Answer,
    /// Whether answers have no body, whatever their head says.
    pub(super) is_head: bool,
}

enum Body {
    None,
    Text(Vec<Piece>),
    Bytes(Arc<[u8]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Number,
    Turn { modulus: u64 },
}

/// The order in which the requests of a mix are sent: each as often as its weight, spread evenly.
pub(super) fn cycle(mix: &[Exchange]) -> Result<Vec<usize>, LoadError> {
    const LONGEST: u64 = 10_000;
    let total: u64 = mix.iter().map(|exchange| u64::from(exchange.weight)).sum();
    if total == 0 || total > LONGEST || mix.iter().any(|exchange| exchange.weight == 0) {
        return Err(LoadError::Plan(format!("weights are at least 1 each, and at most {LONGEST} in all")));
    }
    // Smooth weighted round robin, as nginx has it: all gain their weight, the richest is sent and pays the total.
    let mut credit = vec![0_i64; mix.len()];
    let mut order = Vec::new();
    for _ in 0..total {
        let mut richest = 0;
        for (index, exchange) in mix.iter().enumerate() {
            credit[index] += i64::from(exchange.weight);
            if credit[index] > credit[richest] {
                richest = index;
            }
        }
        credit[richest] -= total as i64;
        order.push(richest);
    }
    Ok(order)
}

impl ClientRequests {
    /// Makes a mix ready for one client.
    pub(super) fn new(
        mix: &[Exchange],
        host: &str,
        keep_alive: bool,
        index: usize,
        client: &Client,
    ) -> Result<Self, LoadError> {
        let requests = mix.iter().map(|exchange| {
            prepare(exchange, host, keep_alive, index, client)
                .map_err(|why| LoadError::Exchange { exchange: format!("{} {}", exchange.method, exchange.path), why })
        });
        Ok(Self { requests: requests.collect::<Result<_, _>>()? })
    }

    pub(super) fn request(&self, index: usize) -> &RequestTemplate {
        &self.requests[index]
    }
}

impl RequestTemplate {
    /// Writes head and templated body into `out`, in place of what it held. The rest of the body, as it is, is returned.
    pub(super) fn render<'a>(&'a self, number: u64, turn: u64, out: &mut String) -> &'a [u8] {
        out.clear();
        fill(&self.head, number, turn, out);
        match &self.body {
            Body::None => {
                out.push_str("\r\n");
                &[]
            }
            Body::Text(pieces) => {
                let head = out.len();
                fill(pieces, number, turn, out);
                let length = out.len() - head;
                out.insert_str(head, &format!("Content-Length: {length}\r\n\r\n"));
                &[]
            }
            Body::Bytes(bytes) => bytes,
        }
    }
}

fn fill(pieces: &[Piece], number: u64, turn: u64, out: &mut String) {
    for piece in pieces {
        // Writing to a string cannot fail.
        let _ = match piece {
            Piece::Text(text) => out.write_str(text),
            Piece::Number => write!(out, "{number}"),
            Piece::Turn { modulus } => write!(out, "{}", turn % modulus),
        };
    }
}

fn prepare(
    exchange: &Exchange,
    host: &str,
    keep_alive: bool,
    index: usize,
    client: &Client,
) -> Result<RequestTemplate, String> {
    let Exchange { method, path, headers, body, status, answer, .. } = exchange;
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("`{method}` is not a method"));
    }
    if !path.starts_with('/') {
        return Err("a path starts with `/`".to_owned());
    }
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers {
        let token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !token || ["host", "connection", "content-length", "transfer-encoding"].contains(&&*name.to_lowercase()) {
            return Err(format!("`{name}` cannot be chosen as a header"));
        }
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !keep_alive {
        head.push_str("Connection: close\r\n");
    }
    let given = [path].into_iter().chain(headers.iter().map(|(_, value)| value)).chain(client.variables.values());
    if given.flat_map(|text| text.bytes()).any(|byte| byte.is_ascii_control())
        || path.contains(' ')
        || client.variables.values().any(|value| path.contains("${") && value.contains(' '))
    {
        return Err("neither control characters nor, in a path, blanks can be sent".to_owned());
    }
    let body = match body {
        Content::None => Body::None,
        Content::Text(text) => Body::Text(pieces(text, index, client)?),
        Content::Bytes(bytes) => {
            let _ = write!(head, "Content-Length: {}\r\n\r\n", bytes.len());
            Body::Bytes(Arc::clone(bytes))
        }
    };
    let head = pieces(&head, index, client)?;
    Ok(RequestTemplate { head, body, status: *status, answer: answer.clone(), is_head: method == "HEAD" })
}

/// A template taken apart, with what is the same for all requests of a client filled in.
fn pieces(template: &str, index: usize, client: &Client) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let (name, after) = after.split_once('}').ok_or_else(|| "a `${` has no end".to_owned())?;
        rest = after;
        let number = match (name, name.strip_prefix("k%")) {
            ("c", _) => {
                let _ = write!(text, "{index}");
                continue;
            }
            ("n", _) => Piece::Number,
            ("k", _) => Piece::Turn { modulus: u64::MAX },
            (_, Some(modulus)) => match modulus.parse() {
                Ok(modulus @ 1..) => Piece::Turn { modulus },
                _ => return Err(format!("`{modulus}` cannot be divided by")),
            },
            (name, None) => {
                let value = client.variables.get(name).ok_or_else(|| format!("nothing is known of `${{{name}}}`"))?;
                text.push_str(value);
                continue;
            }
        };
        pieces.push(Piece::Text(std::mem::take(&mut text)));
        pieces.push(number);
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, body: Content) -> Exchange {
        let headers = vec![("Authorization".to_owned(), "Bearer ${token}".to_owned())];
        let (method, path) = ("GET".to_owned(), path.to_owned());
        Exchange { weight: 1, method, path, headers, body, status: 200, answer: Answer::Any }
    }

    fn client() -> Client {
        Client { variables: [("token".to_owned(), "t-7".to_owned())].into(), turns: 0..u64::MAX }
    }

    fn rendered(exchange: Exchange) -> Result<String, LoadError> {
        let ready = ClientRequests::new(&[exchange], "localhost", true, 3, &client())?;
        let mut out = "left over".to_owned();
        let rest = ready.request(0).render(41, 27, &mut out).to_vec();
        Ok(out + std::str::from_utf8(&rest).unwrap())
    }

    #[test]
    fn a_template_becomes_a_request() {
        let bare = rendered(get("/u/${c}/${k%20}?n=${n}&k=${k}", Content::None)).unwrap();
        let head = "GET /u/3/7?n=41&k=27 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t-7\r\n";
        assert_eq!(bare, format!("{head}\r\n"));
        let text = rendered(get("/u/3/7?n=41&k=27", Content::Text("{\"n\":${n}}".to_owned()))).unwrap();
        assert_eq!(text, format!("{head}Content-Length: 8\r\n\r\n{{\"n\":41}}"));
        let bytes = rendered(get("/u/3/7?n=41&k=27", Content::Bytes(b"${n}".as_slice().into()))).unwrap();
        assert_eq!(bytes, format!("{head}Content-Length: 4\r\n\r\n${{n}}"));
    }

    #[test]
    fn what_would_change_the_form_of_a_request_is_refused() {
        for path in ["", "no-slash", "/a b", "/a\r\nX: y", "/${who}", "/${n", "/${k%0}", "/${k%x}"] {
            assert!(rendered(get(path, Content::None)).is_err(), "{path}");
        }
        for (name, value) in [("Host", "x"), ("content-Length", "3"), ("A B", "x"), ("", "x"), ("A", "x\ny")] {
            let mut exchange = get("/", Content::None);
            exchange.headers.push((name.to_owned(), value.to_owned()));
            assert!(rendered(exchange).is_err(), "{name}: {value}");
        }
    }

    #[test]
    fn weights_are_exact_over_a_cycle_and_spread() {
        let weighted = |weight| Exchange { weight, ..get("/", Content::None) };
        assert_eq!(cycle(&[weighted(5), weighted(1), weighted(1)]).unwrap(), [0, 0, 1, 0, 2, 0, 0]);
        assert!(cycle(&[weighted(1), weighted(0)]).is_err());
        assert!(cycle(&[]).is_err());
        assert!(cycle(&[weighted(10_001)]).is_err());
    }
}
