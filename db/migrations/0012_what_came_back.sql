CREATE TABLE `bounce_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`hash` blob NOT NULL,
	`label` text NOT NULL,
	`created_at` integer NOT NULL,
	`revoked_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `bounce_keys_hash_unique` ON `bounce_keys` (`hash`);--> statement-breakpoint
CREATE TABLE `bounces` (
	`id` text PRIMARY KEY NOT NULL,
	`letter_id` text NOT NULL,
	`report` text NOT NULL,
	`kind` text NOT NULL,
	`said` text NOT NULL,
	`at` integer NOT NULL,
	FOREIGN KEY (`letter_id`) REFERENCES `letters`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `bounces_report_unique` ON `bounces` (`report`);--> statement-breakpoint
CREATE INDEX `bounces_letter` ON `bounces` (`letter_id`);--> statement-breakpoint
CREATE INDEX `letters_leased` ON `letters` (`leased_until`);