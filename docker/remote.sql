CREATE TABLE greeting (id int PRIMARY KEY, text text NOT NULL);
INSERT INTO greeting VALUES (1, 'hello from the remote server'), (2, 'and once more');
