//! The first bytes of a connection, which say what the client speaks.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a client speaks, with the bytes read to find out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hello {
    Http1(Bytes),
    Http2(Bytes),
    Tls,
    /// The client left without a word, as port checks do.
    Nothing,
}

/// Reads until the client's protocol is known; for HTTP/2 until its whole opening (RFC 9113, 3.4: preface and
/// a SETTINGS frame, sent without waiting for the server) is there, so that no handshake can hang later.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Hello> {
    let mut hello = BytesMut::with_capacity(READ_BYTES);
    loop {
        let read = match stream.read_buf(&mut hello).await {
            Err(error) if hello.is_empty() && is_reset(&error) => return Ok(Hello::Nothing),
            read => read?,
        };
        if read == 0 {
            return Ok(if hello.is_empty() { Hello::Nothing } else { Hello::Http1(hello.freeze()) });
        }
        if hello[0] == TLS_HANDSHAKE {
            return Ok(Hello::Tls);
        }
        let compared = hello.len().min(H2_PREFACE.len());
        if hello[..compared] != H2_PREFACE[..compared] {
            return Ok(Hello::Http1(hello.freeze()));
        }
        if let Some(bytes) = h2_opening_bytes(&hello)
            && hello.len() >= bytes
        {
            return Ok(Hello::Http2(hello.freeze()));
        }
        hello.reserve(READ_BYTES);
    }
}

/// Port checks leave like this, to be done with the connection at once.
pub(super) fn is_reset(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
}

/// Tells a TLS client that there is no TLS here.
pub(super) async fn answer_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, within: Duration) {
    tell(stream, &TLS_ALERT, within).await;
}

/// Tells a client in plain text that there is TLS here, in the protocol that it spoke.
pub(super) async fn answer_plain<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    hello: &Hello,
    within: Duration,
) {
    match hello {
        Hello::Http1(_) => {
            let length = TLS_WANTED.len() + 1;
            let answer = format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{TLS_WANTED}\n"
            );
            tell(stream, answer.as_bytes(), within).await;
        }
        Hello::Http2(_) => {
            let mut answer = H2_NO_SETTINGS.to_vec();
            let length = u8::try_from(8 + TLS_WANTED.len()).expect("the text is short");
            answer.extend([0, 0, length, H2_GOAWAY, 0, 0, 0, 0, 0]);
            answer.extend([0, 0, 0, 0, 0, 0, 0, H2_INADEQUATE_SECURITY]);
            answer.extend(TLS_WANTED.as_bytes());
            tell(stream, &answer, within).await;
        }
        Hello::Tls | Hello::Nothing => {}
    }
}

/// Says one thing and waits until it was understood: closing over unread bytes would reset the connection and lose it.
async fn tell<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, what: &[u8], within: Duration) {
    let telling = async {
        stream.write_all(what).await?;
        stream.shutdown().await?;
        let mut unread = [0; READ_BYTES];
        let mut left = UNREAD_BYTES_MAX;
        while left > 0 {
            match stream.read(&mut unread).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        io::Result::Ok(())
    };
    // Whatever goes wrong, the connection is closed next, and that was seen is a fact already.
    let _ = tokio::time::timeout(within, telling).await;
}

/// How many bytes the preface and the first frame take, once its header is there. If that frame is not
/// SETTINGS or too large, none of it is waited for: the HTTP/2 server will say what is wrong.
fn h2_opening_bytes(hello: &[u8]) -> Option<usize> {
    let header = hello.get(H2_PREFACE.len()..H2_PREFACE.len() + H2_FRAME_HEADER_BYTES)?;
    let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
    let opening = H2_PREFACE.len() + H2_FRAME_HEADER_BYTES;
    let plausible = header[3] == H2_SETTINGS && length <= H2_SETTINGS_BYTES_MAX;
    Some(if plausible { opening + length } else { opening })
}

const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const H2_FRAME_HEADER_BYTES: usize = 9;
const H2_SETTINGS: u8 = 4;
/// Six bytes a setting; the longest known opening has under ten of them.
const H2_SETTINGS_BYTES_MAX: usize = 1024;
const READ_BYTES: usize = 1024;
/// The first byte of every TLS connection.
pub(super) const TLS_HANDSHAKE: u8 = 0x16;
/// A TLS 1.0 record (which every version reads here): alert, fatal, handshake_failure.
const TLS_ALERT: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 40];
const TLS_WANTED: &str = "This port speaks TLS: use https://, or for gRPC leave out tls.insecure.";
const H2_NO_SETTINGS: [u8; 9] = [0, 0, 0, H2_SETTINGS, 0, 0, 0, 0, 0];
const H2_GOAWAY: u8 = 7;
/// RFC 9113, 7: "the underlying transport has properties that do not meet minimum security requirements".
const H2_INADEQUATE_SECURITY: u8 = 0xc;
/// What is read of a client after it was told; a ClientHello is far below it.
const UNREAD_BYTES_MAX: usize = 64 * 1024;
