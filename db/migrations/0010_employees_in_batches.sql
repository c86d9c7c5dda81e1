CREATE TABLE `answer_batches` (
	`issue_id` text NOT NULL,
	`closed_on` text NOT NULL,
	`asked` integer NOT NULL,
	`yes` integer NOT NULL,
	`no` integer NOT NULL,
	`not_sure` integer NOT NULL,
	`new_no` integer NOT NULL,
	PRIMARY KEY(`issue_id`, `closed_on`)
);
--> statement-breakpoint
CREATE TABLE `kept_acceptances` (
	`id` text PRIMARY KEY NOT NULL,
	`terms_hash` text NOT NULL,
	`accepted_at` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `erased_answers` ADD `kind` text DEFAULT 'customer' NOT NULL;--> statement-breakpoint
ALTER TABLE `talks` ADD `held_at` integer;--> statement-breakpoint
ALTER TABLE `talks` ADD `held_by` text;