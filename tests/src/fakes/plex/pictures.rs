//! Posters: two colours that depend on the title, as a PNG.
//!
//! Plex names addresses of others, such as TMDB. Owns: that every answer names this server instead, as the caller reached it, so that no
//! test leaves the machine. Refuses: to look like a film.

use crate::fakes::exchange::{Reply, Request, fnv};

/// Where payloads say that pictures are.
pub(crate) const ELSEWHERE: &str = "https://image.tmdb.org/t/p/original";

/// Pixels.
const WIDTH: usize = 60;
const HEIGHT: usize = 90;

/// The answer with all its pictures on this server.
pub(crate) fn kept_here(mut reply: Reply, request: &Request) -> Reply {
    let Some(host) = request.header("host") else { return reply };
    if let Ok(text) = std::str::from_utf8(&reply.body) {
        reply.body = text.replace(ELSEWHERE, &format!("http://{host}/pictures")).into();
    }
    reply
}

pub(crate) fn answer(path: &str) -> Reply {
    Reply::text(200, "image/png", png(fnv(path.as_bytes())))
}

/// From one colour at the top to another at the bottom.
fn png(seed: u64) -> Vec<u8> {
    let colour =
        |shift: u32| [seed >> shift, seed >> (shift + 8), seed >> (shift + 16)].map(|part| (part % 160) as usize + 40);
    let (top, bottom) = (colour(0), colour(24));
    let mut rows = Vec::with_capacity(HEIGHT * (1 + 3 * WIDTH));
    for y in 0..HEIGHT {
        rows.push(0);
        for _ in 0..WIDTH {
            rows.extend((0..3).map(|at| ((top[at] * (HEIGHT - y) + bottom[at] * y) / HEIGHT) as u8));
        }
    }
    let mut header = Vec::new();
    header.extend((WIDTH as u32).to_be_bytes());
    header.extend((HEIGHT as u32).to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &stored(&rows));
    chunk(&mut file, b"IEND", &[]);
    file
}

/// As zlib holds what is not compressed (RFC 1950, RFC 1951 3.2.4).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut held = vec![0x78, 0x01];
    let blocks = bytes.chunks(65_535).collect::<Vec<_>>();
    for (at, block) in blocks.iter().enumerate() {
        let length = block.len() as u16;
        held.push(u8::from(at + 1 == blocks.len()));
        held.extend(length.to_le_bytes());
        held.extend((!length).to_le_bytes());
        held.extend(*block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    held.extend((b << 16 | a).to_be_bytes());
    held
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let begin = file.len();
    file.extend(kind);
    file.extend(data);
    let check = crc(&file[begin..]);
    file.extend(check.to_be_bytes());
}

/// CRC-32 as PNG wants it.
fn crc(bytes: &[u8]) -> u32 {
    let step = |value: u32| if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
    let mut crc = u32::MAX;
    for byte in bytes {
        crc = (0..8).fold(crc ^ u32::from(*byte), |value, _| step(value));
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_one_of_png() {
        assert_eq!(crc(b"IEND"), 0xae42_6082);
    }
}
