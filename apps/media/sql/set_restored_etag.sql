-- Another S3 server may give the same bytes another ETag, and the pipeline asks for an original by its ETag.
UPDATE media_media SET original_etag = :etag WHERE original_key = :key AND original_etag = :former_etag
