BEGIN TRANSACTION;
CREATE TABLE about (
	"key" VARCHAR(32) NOT NULL, 
	value VARCHAR(200) NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "about" VALUES('schema_version','1');
CREATE TABLE panel (
	study VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	rater VARCHAR(32) NOT NULL, 
	PRIMARY KEY (study, digest), 
	FOREIGN KEY(study) REFERENCES studies (name)
);
CREATE TABLE raters (
	id VARCHAR(32) NOT NULL, 
	study VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	finished BOOLEAN NOT NULL, 
	language VARCHAR(16) NOT NULL, 
	plates_read INTEGER, 
	withdrawal VARCHAR(64) NOT NULL, 
	day VARCHAR(10) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study) REFERENCES studies (name), 
	UNIQUE (withdrawal)
);
INSERT INTO "raters" VALUES('fb6473f29ec89c76ed0fcb20a83339f5','old',0,2,1,'en',NULL,'0b781fcf8012677cdbeadc94edb04d3bf8eb937cac58b41fbc25287ea5c362fe','2030-03-17');
INSERT INTO "raters" VALUES('be0d977bc27c02d793a7194edeef2159','old',1,1,0,'en',NULL,'dfc0044a5bc2d54a1a56724ae4582babe872f4b4b87ea50b625aa6471630d2fa','2030-03-17');
CREATE TABLE sequences (
	study VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	holder VARCHAR(32), 
	touched INTEGER NOT NULL, 
	finished BOOLEAN NOT NULL, 
	given INTEGER NOT NULL, 
	PRIMARY KEY (study, number), 
	FOREIGN KEY(study) REFERENCES studies (name)
);
INSERT INTO "sequences" VALUES('old',0,'fb6473f29ec89c76ed0fcb20a83339f5',0,1,1);
INSERT INTO "sequences" VALUES('old',1,'be0d977bc27c02d793a7194edeef2159',1900000000,0,1);
INSERT INTO "sequences" VALUES('old',2,NULL,0,0,0);
CREATE TABLE studies (
	name VARCHAR(64) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	opened VARCHAR(10) NOT NULL, 
	closed VARCHAR(10), 
	closed_early BOOLEAN NOT NULL, 
	closed_why VARCHAR(200) NOT NULL, 
	withdrawn INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "studies" VALUES('old','03a66d78a0528d6fdde300eea08ca6357e2ba4944289efc964382d0b3b10f069','2030-03-17',NULL,0,'',0);
CREATE TABLE votes (
	rater VARCHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	answer VARCHAR(8) NOT NULL, 
	rt_ms FLOAT NOT NULL, 
	exposure_ms FLOAT, 
	frames INTEGER, 
	focus_lost BOOLEAN NOT NULL, 
	refresh_hz FLOAT, 
	pixel_ratio FLOAT, 
	viewport VARCHAR(8) NOT NULL, 
	seen_before BOOLEAN NOT NULL, 
	day VARCHAR(10) NOT NULL, 
	PRIMARY KEY (rater, position), 
	FOREIGN KEY(rater) REFERENCES raters (id)
);
INSERT INTO "votes" VALUES('fb6473f29ec89c76ed0fcb20a83339f5',0,'real',800.0,NULL,NULL,0,NULL,NULL,'',0,'2030-03-17');
INSERT INTO "votes" VALUES('fb6473f29ec89c76ed0fcb20a83339f5',1,'real',801.0,NULL,NULL,0,NULL,NULL,'',0,'2030-03-17');
INSERT INTO "votes" VALUES('be0d977bc27c02d793a7194edeef2159',0,'real',800.0,NULL,NULL,0,NULL,NULL,'',0,'2030-03-17');
CREATE INDEX raters_of_study ON raters (study);
COMMIT;
