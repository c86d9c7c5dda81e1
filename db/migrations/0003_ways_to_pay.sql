CREATE TABLE `make_goods` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`reason` text NOT NULL,
	`amount` integer NOT NULL,
	`currency` text NOT NULL,
	`decided_by` text NOT NULL,
	`decided_at` integer NOT NULL,
	`paid_at` integer,
	`paid_how` text,
	`stuck_because` text,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `make_goods_person` ON `make_goods` (`person_id`);--> statement-breakpoint
CREATE INDEX `make_goods_unpaid` ON `make_goods` (`paid_at`);--> statement-breakpoint
CREATE TABLE `surpluses` (
	`subscription_id` text PRIMARY KEY NOT NULL,
	`rejoin_id` text NOT NULL,
	`why` text NOT NULL,
	`found_at` integer NOT NULL,
	`refunded_at` integer,
	`refunded_amount` integer,
	`currency` text,
	FOREIGN KEY (`rejoin_id`) REFERENCES `rejoins`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
DROP INDEX `rejoins_one_open`;--> statement-breakpoint
DROP INDEX `rejoins_subscription`;--> statement-breakpoint
ALTER TABLE `rejoins` ADD `way` text DEFAULT 'start' NOT NULL;--> statement-breakpoint
ALTER TABLE `rejoins` ADD `terms` text;--> statement-breakpoint
ALTER TABLE `rejoins` ADD `away_url` text;--> statement-breakpoint
ALTER TABLE `rejoins` ADD `checkout_id` text;--> statement-breakpoint
ALTER TABLE `rejoins` ADD `away_until` integer;--> statement-breakpoint
ALTER TABLE `rejoins` ADD `owed_url` text;--> statement-breakpoint
CREATE UNIQUE INDEX `rejoins_one_open` ON `rejoins` (`person_id`) WHERE state in ('begun', 'paying', 'away', 'active', 'undoing');--> statement-breakpoint
CREATE UNIQUE INDEX `rejoins_subscription` ON `rejoins` (`subscription_id`) WHERE state in ('begun', 'paying', 'away', 'active', 'undoing');--> statement-breakpoint
ALTER TABLE `payment_events` ADD `checkout_id` text;