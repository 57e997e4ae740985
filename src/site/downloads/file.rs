//! Answers that are files.

use axum::{
    body::Body,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};

use crate::site::http::assets;

/// A CSV file. `name` is ours or validated, so that it needs no quoting.
pub(crate) fn csv(name: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)], body)
        .into_response()
}

/// An SVG file that carries its colours with it, light and dark. Its own policy allows that style and nothing else.
pub(crate) fn svg(drawing: &str) -> Response {
    let styled = drawing.replacen('>', &format!("><style>{}</style>", assets::CHART_STYLE), 1);
    let policy: (HeaderName, &str) =
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'");
    ([(header::CONTENT_TYPE, "image/svg+xml"), policy], styled).into_response()
}
