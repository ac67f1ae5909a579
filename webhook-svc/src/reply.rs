//! What is answered: JSON, and for what goes wrong the one shape that every refusal has: `{"error": {"code", "message", "problems"?}}`.

use pulsarr_shared::store::StoreError;
use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};

use crate::body::BodyError;

/// `value` as a JSON answer.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = Response::new(body.into());
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A refusal.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    problems: Vec<FieldProblem>,
    retry_after_s: Option<u64>,
    passing: bool,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// Which: `when.all[0].genre`; empty for the whole body.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [FieldProblem],
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), problems: Vec::new(), retry_after_s: None, passing: false }
    }

    /// 400: the request says something that cannot be.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 401: nobody knows who asks.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// 403: whoever asks may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 405: it is there, and cannot be asked in this way.
    pub fn method(message: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    /// 408: the body did not arrive in time.
    pub fn slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not arrive within 10 seconds: send it again")
    }

    /// 409: it does not fit what is there.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// 412: somebody else has changed it meanwhile.
    pub fn changed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "changed_meanwhile", message)
    }

    /// Why the body, of at most `limit` bytes, could not be taken in.
    pub fn of_body(error: BodyError, limit: usize) -> Self {
        match error {
            BodyError::TooLarge => Self::too_large(limit),
            BodyError::Slow => Self::slow(),
            BodyError::Broken => Self::input("the connection broke before the body was complete"),
            BodyError::NoRoom { retry_after_s } => {
                let full = "the service is taking in as much as it may: send it again in a moment";
                Self { retry_after_s: Some(retry_after_s), ..Self::unavailable(full) }
            }
        }
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("the body is larger than {} KiB", limit / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// 422: fields are wrong, each with its own message.
    pub fn fields(problems: Vec<FieldProblem>) -> Self {
        let message = problems.first().map_or_else(String::new, |first| first.message.clone());
        Self { problems, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message) }
    }

    /// 429: too often; after `retry_after_s` seconds it may be asked again.
    pub fn too_often(message: impl Into<String>, retry_after_s: u64) -> Self {
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_often", message);
        Self { retry_after_s: Some(retry_after_s), ..refused }
    }

    /// 500: a mistake of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// 503: something that is needed does not answer.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// The status that is answered.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened and what to do, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// After how many seconds it may be asked again, where that is what is wrong.
    pub const fn retry_after_s(&self) -> Option<u64> {
        self.retry_after_s
    }

    /// The same, as something that the next try may find gone without anybody's doing.
    pub fn passing(self) -> Self {
        Self { passing: true, ..self }
    }

    /// Whether the next try may find it gone without anybody's doing: somebody else was at the store.
    pub const fn is_passing(&self) -> bool {
        self.passing
    }

    /// The fields that are wrong; empty when it is none of them.
    pub fn problems(&self) -> &[FieldProblem] {
        &self.problems
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = format!("failed to {error}. {}", error.advice());
        match error {
            StoreError::Undecidable { .. } => Self::conflict(message),
            StoreError::Busy => Self::unavailable(message).passing(),
            StoreError::Full | StoreError::ReadOnly => Self::unavailable(message),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store", message),
        }
    }
}

impl Reply for ApiError {
    fn into_response(self) -> Response {
        let body = Body { error: Inner { code: self.code, message: &self.message, problems: &self.problems } };
        let mut response = json(self.status, &body);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
