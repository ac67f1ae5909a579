//! Tells the kernel and the allocator which memory we can do without. The only place in the project with `unsafe`: no crate offers
//! either call behind a safe face, because whether they are safe depends on what is in the memory, which is judged here.
#![expect(unsafe_code, reason = "madvise and malloc_trim are calls of the C library")]

use std::io;
use std::ops::Range;

/// Gives back free memory of the allocator and the program's code. Answers how many bytes of code are mapped.
///
/// # Errors
/// The operating system's, when it does not tell where the code is or keeps it.
pub fn give_back() -> io::Result<usize> {
    trim();
    let program = std::fs::read_link("/proc/self/exe")?;
    let mappings = std::fs::read_to_string("/proc/self/smaps")?;
    let code = code_of(&program.to_string_lossy(), &mappings);
    code.iter().try_for_each(forget)?;
    Ok(code.iter().map(|range| range.0.len()).sum())
}

/// How many bytes of files, and that is mostly the program, are in memory for this process. Zero where the kernel does not tell.
pub fn mapped() -> u64 {
    std::fs::read_to_string("/proc/self/status").map_or(0, |status| mapped_of(&status))
}

/// The same of what `/proc/self/status` tells.
fn mapped_of(status: &str) -> u64 {
    let kib = status.lines().find_map(|line| line.strip_prefix("RssFile:"));
    kib.and_then(|kib| kib.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}

/// Where untouched code of this program is mapped. Made by [`code_of`] alone.
#[derive(Debug, PartialEq, Eq)]
struct Code(Range<usize>);

/// The code of `program` as `mappings`, which is `/proc/self/smaps`, tells: readable and executable, never writable, and without a page
/// that is not the file's any more, in memory or swapped out. What the loader has written into (relocations) or a debugger
/// (breakpoints) is not among it.
fn code_of(program: &str, mappings: &str) -> Vec<Code> {
    let (mut found, mut at) = (Vec::new(), None);
    for line in mappings.lines() {
        match line.split_ascii_whitespace().next().and_then(range) {
            Some(range) => {
                let mut words = line.splitn(6, ' ').skip(1);
                let is_code = words.next() == Some("r-xp") && words.last().map(str::trim_start) == Some(program);
                at = is_code.then_some(range);
                found.extend(at.clone().map(Code));
            }
            None if at.is_some() && is_changed(line) => {
                found.pop();
                at = None;
            }
            None => {}
        }
    }
    found
}

/// `7f0000000000-7f0000400000`
fn range(word: &str) -> Option<Range<usize>> {
    let (start, end) = word.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

/// Whether this line about a mapping says that a page of it is no longer the file's.
fn is_changed(line: &str) -> bool {
    let value = line.strip_prefix("Anonymous:").or_else(|| line.strip_prefix("Swap:"));
    value.is_some_and(|value| value.trim() != "0 kB")
}

/// The kernel takes the pages out of memory and reads them from the file when they are needed again.
fn forget(code: &Code) -> io::Result<()> {
    // SAFETY: `code` is mapped from the program's own file for as long as the process lives, and every page of it is the file's. What
    // is needed again is found there as it was, also by a thread that runs it just now.
    let failed =
        unsafe { libc::madvise(std::ptr::without_provenance_mut(code.0.start), code.0.len(), libc::MADV_DONTNEED) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The allocator gives free memory in the middle of its heaps back, which it does by itself only at their ends. Each thread may have a
/// heap of its own, so that work that needs much and ends leaves as much behind as there were threads it was ever done on.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time from any thread, and touches only what nobody has allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPINGS: &str = "\
55d000000000-55d000100000 r--p 00000000 00:21 4242                       /bin/our program
Anonymous:             0 kB
Swap:                  0 kB
55d000100000-55d000300000 r-xp 00100000 00:21 4242                       /bin/our program
Rss:                1700 kB
Anonymous:             0 kB
SwapPss:               0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
55d000300000-55d000380000 r--p 00300000 00:21 4242                       /bin/our program
Anonymous:           512 kB
Swap:                  0 kB
7f0000000000-7f0000100000 r-xp 00000000 00:21 4243                       /lib/another
Anonymous:             0 kB
7f0000100000-7f0000200000 rwxp 00000000 00:00 0
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]
";

    #[test]
    fn only_code_of_the_program_in_which_nothing_was_written_is_given_back() {
        let code = code_of("/bin/our program", MAPPINGS);
        assert_eq!(code, [Code(0x55d0_0010_0000..0x55d0_0030_0000)]);
        assert_eq!(code_of("/bin/our", MAPPINGS), []);
        for changed in ["Anonymous:             4 kB", "Swap:                  4 kB"] {
            let (name, _) = changed.split_once(':').unwrap();
            let before = "Rss:                1700 kB\nAnonymous:             0 kB\nSwapPss:               0 kB\nSwap:                  0 kB";
            let line = before.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
            let after = MAPPINGS.replace(before, &before.replace(line, changed));
            assert_ne!(after, MAPPINGS);
            assert_eq!(code_of("/bin/our program", &after), [], "{changed}");
        }
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn what_a_thread_has_left_behind_is_given_back() {
        let resident = || {
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
            pages.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4
        };
        let given_back = || {
            let (left, _stays) = std::thread::spawn(move || {
                let mut pieces: Vec<Box<[u8; 1_000]>> = (0..50_000).map(|n| Box::new([n as u8; 1_000])).collect();
                // The last one keeps the heap's end where it is.
                let stays = pieces.pop();
                drop(pieces);
                (resident(), stays)
            })
            .join()
            .unwrap();
            trim();
            left.saturating_sub(resident())
        };
        // Other tests of this process may take as much at the same time, though not every time.
        let most = (0..20).map(|_| given_back()).find(|kib| *kib > 20_000);
        assert!(most.is_some(), "nothing is given back");
    }

    #[test]
    fn what_is_mapped_of_files_is_told_by_the_kernel() {
        let status = "VmRSS:\t    4864 kB\nRssAnon:\t    1948 kB\nRssFile:\t    2916 kB\nRssShmem:\t       0 kB\n";
        assert_eq!(mapped_of(status), 2916 * 1024);
        assert_eq!(mapped_of(""), 0);
        assert!(mapped() > 0, "here too");
    }

    #[test]
    fn code_that_goes_while_it_runs_comes_back() {
        let sums = std::thread::scope(|scope| {
            let at_work = scope.spawn(|| (0..200_000_u64).map(|n| n.to_string().len()).sum::<usize>());
            for _ in 0..20 {
                assert!(give_back().unwrap() > 0);
            }
            at_work.join().unwrap()
        });
        assert_eq!(sums, 1_088_890);
    }
}
