//! One run of the engine, as the store and the reports know it.

super::words! {
    /// Who started a run.
    Trigger {
        /// A person or a script at a shell.
        Cli = "cli",
        /// The Kubernetes CronJob's schedule.
        Schedule = "schedule",
        /// A Job made by hand from the CronJob.
        Manual = "manual",
        /// The service.
        Service = "service",
        /// The service, because it saw that somebody's list has changed.
        FastLane = "fast_lane",
        /// Somebody who asked the service for it.
        Api = "api",
        /// Somebody whom only a later version knows. Read, never written.
        Unknown = "unknown",
    }
}

super::words! {
    /// How a run ended.
    RunResult {
        /// Everything that could be done was done.
        Ok = "ok",
        /// Some of it; the next run takes up the rest.
        Partial = "partial",
        /// Nothing useful.
        Failed = "failed",
        /// Another run held the lock.
        Busy = "busy",
        /// No Plex token or no instance yet.
        NotSetUp = "not_set_up",
        /// Told to stop (SIGTERM) before the end.
        Interrupted = "interrupted",
        /// Died without saying so; noticed by the next run.
        Crashed = "crashed",
        /// Still going.
        Running = "running",
        /// In a way that only a later version knows. Read, never written.
        Unknown = "unknown",
    }
}

super::words! {
    /// What one look at one watchlist told us. Only `complete` may ever say that something is gone.
    ReadOutcome {
        /// Every page, first to last.
        Complete = "complete",
        /// The newest pages, up to what was on record already. Sees additions, never removals.
        Newest = "newest",
        /// Unchanged since the last look.
        NotModified = "not_modified",
        /// Plex says we may not see it.
        NotShared = "not_shared",
        /// The look failed, or there was no time for it.
        Unknown = "unknown",
    }
}
