//! The stylesheet, the scripts and the mark, built into the binary. Their addresses carry the program's digest, so
//! that browsers may keep them for ever.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{error::PageError, shared::Shared};

/// Colours and chart shapes only: the style that a downloaded SVG contains.
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

/// One of the assets.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    let asset = found.ok_or_else(|| PageError::missing("there is no such file"))?;
    let tag = format!("W/\"{}\"", shared.build);
    let held = headers.get(header::IF_NONE_MATCH).is_some_and(|held| held.as_bytes() == tag.as_bytes());
    let forever = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    if held {
        return Ok((StatusCode::NOT_MODIFIED, [forever, (header::ETAG, &tag)]).into_response());
    }
    let mut response = ([forever, (header::ETAG, &tag)], asset.bytes).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    Ok(response)
}
