CREATE EXTENSION pgwire_fdw;
CREATE SERVER remote FOREIGN DATA WRAPPER pgwire_fdw
  OPTIONS (host 'remote', dbname 'postgres');
CREATE USER MAPPING FOR postgres SERVER remote
  OPTIONS (user 'postgres', password 'remote');
CREATE FOREIGN TABLE greeting (id int, text text) SERVER remote;
