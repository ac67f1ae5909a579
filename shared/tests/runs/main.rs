//! Stories of whole runs in one process, where the clock is the story's own.

mod first;
mod world;
