-- Where the poster of a title is, as Plex tells: an address, or NULL when it has not told one. The pictures are kept beside the store.
ALTER TABLE titles ADD COLUMN poster_url TEXT;
