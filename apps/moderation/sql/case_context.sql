-- A case for one moderator: its place in the queue among the cases that no other moderator works on, who works on it,
-- the reports about its subject, and the open proposal to suspend the subject.
WITH open_case AS MATERIALIZED (
    SELECT *, target_type || '/' || target_id AS path FROM moderation_case
),
available AS (
    SELECT open_case.*, target_type = :type AND target_id = :id AS is_this
    FROM open_case
    WHERE (target_type = :type AND target_id = :id) OR NOT EXISTS (
        SELECT FROM moderation_claim claim
        WHERE claim.target_type = open_case.target_type AND claim.target_id = open_case.target_id
          AND claim.expires_at > :now AND claim.moderator_id <> :moderator)
),
placed AS (
    SELECT is_this, severity, category, lag(path) OVER queue AS previous, lead(path) OVER queue AS next
    FROM available WINDOW queue AS (ORDER BY severity DESC, first_flag_id)
)
SELECT (SELECT severity FROM placed WHERE is_this),
       (SELECT category FROM placed WHERE is_this),
       (SELECT previous FROM placed WHERE is_this),
       (SELECT next FROM placed WHERE is_this),
       (SELECT path FROM available WHERE NOT is_this ORDER BY severity DESC, first_flag_id LIMIT 1) AS most_severe,
       (SELECT count(*) FROM open_case) AS open_cases,
       holder.id, holder.handle, claim.expires_at,
       (SELECT count(*) FROM moderation_flag WHERE subject_id = :subject AND status = 'open'),
       (SELECT count(*) FROM moderation_flag WHERE subject_id = :subject AND status = 'resolved'),
       (SELECT count(*) FROM moderation_flag WHERE subject_id = :subject AND status = 'dismissed'),
       (SELECT count(*) FROM moderation_moderationaction warning
        WHERE warning.affected_id = :subject AND warning.action = 'warn' AND NOT EXISTS (
            SELECT FROM moderation_moderationaction reversal WHERE reversal.reverses_id = warning.id)) AS warnings,
       proposal.id, proposal.reason, proposal.category, proposal.expires_at, proposer.id, proposer.handle
FROM (SELECT) AS one_row
LEFT JOIN moderation_claim claim ON claim.target_type = :type AND claim.target_id = :id AND claim.expires_at > :now
LEFT JOIN accounts_user holder ON holder.id = claim.moderator_id
LEFT JOIN moderation_suspensionproposal proposal ON proposal.person_id = :subject AND proposal.status = 'open'
    AND proposal.expires_at > :now
LEFT JOIN accounts_user proposer ON proposer.id = proposal.proposed_by_id
