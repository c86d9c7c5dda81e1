CREATE TABLE `checkins` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`rejoin_id` text NOT NULL,
	`complaint_id` text NOT NULL,
	`issue_id` text NOT NULL,
	`day` integer NOT NULL,
	`due_on` text NOT NULL,
	`asked_at` integer,
	`answer` text,
	`words` text,
	`answered_at` integer,
	`cancelled_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`rejoin_id`) REFERENCES `rejoins`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`complaint_id`) REFERENCES `complaints`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `checkins_rejoin_day` ON `checkins` (`rejoin_id`,`day`);--> statement-breakpoint
CREATE INDEX `checkins_due` ON `checkins` (`asked_at`,`due_on`);--> statement-breakpoint
CREATE INDEX `checkins_issue` ON `checkins` (`issue_id`,`answered_at`);--> statement-breakpoint
CREATE TABLE `reopenings` (
	`id` text PRIMARY KEY NOT NULL,
	`checkin_id` text NOT NULL,
	`person_id` text NOT NULL,
	`issue_id` text NOT NULL,
	`owner` text NOT NULL,
	`opened_at` integer NOT NULL,
	`due_on` text NOT NULL,
	`settled_at` integer,
	FOREIGN KEY (`checkin_id`) REFERENCES `checkins`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `reopenings_checkinId_unique` ON `reopenings` (`checkin_id`);--> statement-breakpoint
CREATE INDEX `reopenings_issue` ON `reopenings` (`issue_id`,`opened_at`);--> statement-breakpoint
CREATE TABLE `links` (
	`hash` blob PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`purpose` text NOT NULL,
	`checkin_id` text,
	`letter_id` text,
	`minted_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`bound_at` integer,
	`revoked_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`checkin_id`) REFERENCES `checkins`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `links_person` ON `links` (`person_id`);--> statement-breakpoint
CREATE INDEX `links_letter` ON `links` (`letter_id`);--> statement-breakpoint
CREATE TABLE `letters` (
	`id` text PRIMARY KEY NOT NULL,
	`cause` text NOT NULL,
	`kind` text NOT NULL,
	`person_id` text NOT NULL,
	`to_address` text NOT NULL,
	`from_name` text NOT NULL,
	`subject` text NOT NULL,
	`body` text NOT NULL,
	`mint` text NOT NULL,
	`created_at` integer NOT NULL,
	`not_before` integer NOT NULL,
	`leased_until` integer,
	`attempts` integer NOT NULL,
	`sent_at` integer,
	`held_because` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `letters_cause_unique` ON `letters` (`cause`);--> statement-breakpoint
CREATE INDEX `letters_due` ON `letters` (`sent_at`,`held_because`,`not_before`);--> statement-breakpoint
CREATE TABLE `complaints` (
	`id` text PRIMARY KEY NOT NULL,
	`ref` text NOT NULL,
	`person_id` text NOT NULL,
	`departure_id` text,
	`said_on` text,
	`channel` text,
	`words` text,
	`note` text,
	`gap` text,
	`issue_id` text,
	`main` integer NOT NULL,
	`confidentiality` text NOT NULL,
	`names_others` integer NOT NULL,
	`public_consent` integer NOT NULL,
	`import_id` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`departure_id`) REFERENCES `departures`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `complaints_ref_unique` ON `complaints` (`ref`);--> statement-breakpoint
CREATE INDEX `complaints_person` ON `complaints` (`person_id`);--> statement-breakpoint
CREATE INDEX `complaints_issue` ON `complaints` (`issue_id`,`person_id`);--> statement-breakpoint
CREATE TABLE `corrections` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`complaint_id` text,
	`right` integer NOT NULL,
	`words` text,
	`said_at` integer NOT NULL,
	`reviewed_at` integer,
	`reviewed_by` text,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`complaint_id`) REFERENCES `complaints`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `corrections_person` ON `corrections` (`person_id`);--> statement-breakpoint
CREATE TABLE `departures` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`external_id` text NOT NULL,
	`joined_on` text,
	`joined_precision` text,
	`left_on` text,
	`precision` text,
	`plan_or_role` text,
	`amount` integer,
	`currency` text,
	`seats` integer,
	`reason_code` text,
	`never_contact` text,
	`facts` text NOT NULL,
	`import_id` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `departures_person_external` ON `departures` (`person_id`,`external_id`);--> statement-breakpoint
CREATE TABLE `imports` (
	`id` text PRIMARY KEY NOT NULL,
	`file_name` text NOT NULL,
	`file_hash` text NOT NULL,
	`mapping` text NOT NULL,
	`started_at` integer NOT NULL,
	`finished_at` integer,
	`counts` text
);
--> statement-breakpoint
CREATE TABLE `persons` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`source` text NOT NULL,
	`external_id` text NOT NULL,
	`first_name` text,
	`last_name` text,
	`email` text,
	`email_norm` text,
	`time_zone` text,
	`billing_id` text,
	`facts` text NOT NULL,
	`import_id` text,
	`created_at` integer NOT NULL,
	`declined_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `persons_source_kind_external` ON `persons` (`source`,`kind`,`external_id`);--> statement-breakpoint
CREATE INDEX `persons_email` ON `persons` (`email_norm`);--> statement-breakpoint
CREATE TABLE `resolutions` (
	`complaint_id` text PRIMARY KEY NOT NULL,
	`proof_id` text NOT NULL,
	`resolved` text NOT NULL,
	`reason` text NOT NULL,
	`confirmed_by` text NOT NULL,
	`confirmed_at` integer NOT NULL,
	FOREIGN KEY (`complaint_id`) REFERENCES `complaints`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `signals` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`kind` text NOT NULL,
	`external_id` text NOT NULL,
	`happened_on` text NOT NULL,
	`value` real,
	`note` text,
	`import_id` text,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `signals_person_kind_external` ON `signals` (`person_id`,`kind`,`external_id`);--> statement-breakpoint
CREATE INDEX `signals_external` ON `signals` (`kind`,`external_id`);--> statement-breakpoint
CREATE TABLE `suppressions` (
	`address_hash` blob PRIMARY KEY NOT NULL,
	`reason` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `waits` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`issue_id` text NOT NULL,
	`asked_at` integer NOT NULL,
	`told_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `waits_person_issue` ON `waits` (`person_id`,`issue_id`);--> statement-breakpoint
CREATE TABLE `published_versions` (
	`id` text PRIMARY KEY NOT NULL,
	`collection` text NOT NULL,
	`document_id` text NOT NULL,
	`version` integer NOT NULL,
	`source` text NOT NULL,
	`assets` text NOT NULL,
	`hash` text NOT NULL,
	`previous_hash` text,
	`confirmed_by` text,
	`approved_by` text NOT NULL,
	`reason` text,
	`published_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `published_versions_document` ON `published_versions` (`collection`,`document_id`,`version`);--> statement-breakpoint
CREATE TABLE `payment_events` (
	`id` text PRIMARY KEY NOT NULL,
	`type` text NOT NULL,
	`subscription_id` text,
	`received_at` integer NOT NULL,
	`applied_at` integer
);
--> statement-breakpoint
CREATE INDEX `payment_events_unapplied` ON `payment_events` (`applied_at`,`received_at`);--> statement-breakpoint
CREATE TABLE `rejoins` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`offer_id` text NOT NULL,
	`offer_hash` text NOT NULL,
	`state` text NOT NULL,
	`attempt` integer NOT NULL,
	`billing_id` text NOT NULL,
	`card_id` text NOT NULL,
	`card_label` text NOT NULL,
	`price_id` text NOT NULL,
	`seats` integer NOT NULL,
	`amount` integer NOT NULL,
	`currency` text NOT NULL,
	`subscription_id` text,
	`begun_at` integer NOT NULL,
	`paying_since` integer,
	`completed_at` integer,
	`renews_on` text,
	`declined_sentence` text,
	`undone_at` integer,
	`cancelled_at` integer,
	`ends_on` text,
	`refunded_amount` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `rejoins_one_open` ON `rejoins` (`person_id`) WHERE state in ('begun', 'paying', 'active', 'undoing');--> statement-breakpoint
CREATE UNIQUE INDEX `rejoins_subscription` ON `rejoins` (`subscription_id`);--> statement-breakpoint
CREATE INDEX `rejoins_person` ON `rejoins` (`person_id`,`begun_at`);--> statement-breakpoint
CREATE TABLE `codes` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`hash` blob,
	`asked_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`tries_left` integer NOT NULL,
	`used_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `codes_person` ON `codes` (`person_id`);--> statement-breakpoint
CREATE TABLE `devices` (
	`hash` blob PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`stepped_up_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `devices_person` ON `devices` (`person_id`);