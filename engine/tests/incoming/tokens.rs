//! Who may do what: services hand over and nothing else, users work on their own messages and nothing else.

use std::time::{Duration, Instant};

use super::{Mail, service_token};
use crate::support::{Http, quick, run_test};

#[test]
fn tokens_of_users_and_services_are_not_interchangeable() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        assert!(mail.service.as_str().starts_with("blm_") && mail.account.token.as_str().starts_with("bls_"));
        let put = "/v1/incoming/ana/m";
        let of_user = format!("Authorization: Bearer {}\r\n", mail.account.token.as_str());
        let of_service = format!("Authorization: Bearer {}\r\n", mail.service.as_str());
        mail.services.request("PUT", put, &of_user, b"hello").await.expect_problem(401, "unauthorized");
        mail.services.request("PUT", put, "", b"hello").await.expect_problem(401, "unauthorized");
        for (method, path) in [
            ("GET", "/v1/users/ana/incoming"),
            ("POST", "/v1/users/ana/incoming/leases"),
            ("GET", "/v1/users/ana/openpgp-key"),
            ("GET", "/v1/users/ana/blobs"),
            ("GET", "/v1/users/ana/recovery"),
        ] {
            mail.http.request(method, path, &of_service, b"").await.expect_problem(401, "unauthorized");
            // And the listener of services does not even know these paths, whatever one shows.
            mail.services.request(method, path, &of_user, b"").await.expect_problem(404, "not-found");
        }
        mail.http.request("PUT", put, &of_service, b"hello").await.expect_problem(404, "not-found");
        mail.services.request("GET", put, &of_service, b"").await.expect_problem(405, "method-not-allowed");
        assert_eq!(mail.services.request("GET", "/healthz", "", b"").await.status, 200);

        let eve = Mail::of(&server, "eve").await;
        mail.put("m", b"hello").await;
        for rest in ["", "/m?fence=2"] {
            let path = mail.path(&format!("incoming{rest}"));
            eve.http.of(&eve.account, "GET", &path, "", b"").await.expect_problem(403, "forbidden");
        }
        assert!(eve.list("").await.is_empty() && eve.reserve(1).await.is_empty());
    });
}

#[test]
fn a_service_token_is_invalid_once_revoked_or_expired() {
    run_test(async {
        let (server, mail) = Mail::start(&quick()).await;
        let services = server.server().accounts().services();
        let put = async |token: &str, at: &str| {
            let bearer = format!("Authorization: Bearer {token}\r\n");
            Http::to(at).request("PUT", "/v1/incoming/ana/m", &bearer, b"hello").await.status
        };
        let over = services.create_token(&"over".parse().unwrap(), Duration::ZERO).await.unwrap();
        assert_eq!(put(over.as_str(), &server.incoming).await, 401);

        let postfix = service_token(server.server(), "postfix").await;
        let again = services.create_token(&"postfix".parse().unwrap(), Duration::from_secs(1)).await;
        assert!(again.unwrap_err().to_string().contains("postfix"));
        assert_eq!(put(postfix.as_str(), &server.incoming).await, 201);
        let names: Vec<_> =
            services.tokens().await.unwrap().into_iter().map(|token| token.service.to_string()).collect();
        assert_eq!(names, ["for-ana", "over", "postfix"]);

        // Another process revokes it; this one has just seen it and may remember it for a moment.
        let other = benchline_engine::server::Server::open(server.folder(), &quick()).await.unwrap();
        assert!(other.accounts().services().revoke(&"postfix".parse().unwrap()).await.unwrap());
        assert!(!other.accounts().services().revoke(&"postfix".parse().unwrap()).await.unwrap());
        let revoked = Instant::now();
        while put(postfix.as_str(), &server.incoming).await != 401 {
            assert!(revoked.elapsed() < Duration::from_secs(10), "it still counts");
        }
        other.close().await;
        assert_eq!(put(mail.service.as_str(), &server.incoming).await, 204, "the others count on");
        assert!(!crate::support::is_in_files(server.folder(), postfix.as_str().as_bytes()));
    });
}
