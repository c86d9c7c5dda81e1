CREATE TABLE `choosings` (
	`id` text PRIMARY KEY NOT NULL,
	`choice` text NOT NULL,
	`person_id` text,
	`by` text NOT NULL,
	`at` integer NOT NULL,
	`asked` integer NOT NULL,
	`report` text,
	`counted_at` integer,
	`batch_id` text,
	`opened_by` text,
	`finished_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `choosings_person` ON `choosings` (`person_id`);--> statement-breakpoint
CREATE INDEX `choosings_unfinished` ON `choosings` (`finished_at`,`counted_at`);--> statement-breakpoint
CREATE TABLE `outcome_counts` (
	`id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`took` integer NOT NULL,
	`report` text NOT NULL
);
--> statement-breakpoint
ALTER TABLE `batches` ADD `revoked_because` text;--> statement-breakpoint
ALTER TABLE `chosen` ADD `issue_id` text;--> statement-breakpoint
ALTER TABLE `chosen` ADD `gap` text;--> statement-breakpoint
ALTER TABLE `chosen` ADD `proof_id` text;--> statement-breakpoint
CREATE INDEX `letters_batch` ON `letters` (`batch_id`);