CREATE TABLE `people_counts` (
	`issue_id` text NOT NULL,
	`kind` text NOT NULL,
	`people` integer NOT NULL,
	`counted_at` integer NOT NULL,
	PRIMARY KEY(`issue_id`, `kind`)
);
--> statement-breakpoint
CREATE INDEX `checkins_answer` ON `checkins` (`answer`,`issue_id`,`person_id`,`answered_at`);