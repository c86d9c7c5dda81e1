CREATE TABLE `sending` (
	`id` text PRIMARY KEY NOT NULL,
	`instance` text NOT NULL,
	`handed` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `letters` ADD `handed_at` integer;--> statement-breakpoint
ALTER TABLE `letters` ADD `doubtful_at` integer;--> statement-breakpoint
ALTER TABLE `letters` ADD `server_said` text;--> statement-breakpoint
CREATE INDEX `letters_handed` ON `letters` (`handed_at`);