//! The stylesheet, the scripts and the mark, built into the binary. Their addresses carry a digest of their bytes, so
//! that browsers may keep them for ever.

use std::sync::OnceLock;

use aws_lc_rs::digest;
use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::error::PageError;

/// Colours and chart shapes alone: what a downloaded SVG carries with it.
pub(crate) const CHART_STYLE: &str =
    concat!(include_str!("../../../static/colours.css"), include_str!("../../../static/chart.css"));

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static str,
}

const ASSETS: [Asset; 4] = [
    Asset {
        name: "style.css",
        kind: "text/css; charset=utf-8",
        bytes: concat!(
            include_str!("../../../static/colours.css"),
            include_str!("../../../static/chart.css"),
            include_str!("../../../static/style.css")
        ),
    },
    Asset { name: "theme.js", kind: "text/javascript; charset=utf-8", bytes: include_str!("../../../static/theme.js") },
    Asset { name: "live.js", kind: "text/javascript; charset=utf-8", bytes: include_str!("../../../static/live.js") },
    Asset { name: "mark.svg", kind: "image/svg+xml", bytes: include_str!("../../../static/mark.svg") },
];

/// Digest of everything that pages are made of besides data: the assets and the program's version. 12 hex digits.
pub(crate) fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let mut all = String::from(env!("CARGO_PKG_VERSION"));
        ASSETS.iter().for_each(|asset| all.push_str(asset.bytes));
        // Templates are compiled in; a page made by another build must not pass for one of this.
        all.push_str(crate::site::parts::layout::TEMPLATES);
        let digest = digest::digest(&digest::SHA256, all.as_bytes());
        digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    })
}

/// One of the assets.
pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, PageError> {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    let asset = found.ok_or_else(|| PageError::missing("there is no such file"))?;
    let tag = format!("W/\"{}\"", build());
    let held = headers.get(header::IF_NONE_MATCH).is_some_and(|held| held.as_bytes() == tag.as_bytes());
    let forever = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    if held {
        return Ok((StatusCode::NOT_MODIFIED, [forever, (header::ETAG, &tag)]).into_response());
    }
    let mut response = ([forever, (header::ETAG, &tag)], asset.bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    Ok(response)
}
