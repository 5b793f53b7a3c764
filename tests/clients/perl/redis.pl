# Redis.pm. tests/e2e/test_redis_clients.py says what must come out.
#   perl redis.pl PORT COUNTER [TOKEN]
use strict;
use warnings;
use Redis;

my ($port, $counter, $token) = @ARGV;
my $client = Redis->new(server => "127.0.0.1:$port", defined $token ? (password => $token) : ());

sub say_values {
    my ($name, @values) = @_;
    print join(' ', $name, map { defined $_ ? $_ : 'none' } @values), "\n";
}

say_values('incr', $client->incr($counter));
say_values('incrby', $client->incrby($counter, 10));
say_values('get', $client->get($counter));
say_values('missing', scalar $client->get("$counter.none"));
my @ids;
$client->incr($counter, sub { push @ids, $_[0] }) for 1 .. 10;
$client->wait_all_responses;
say_values('pipeline', @ids);
$client->multi;
$client->incr($counter);
$client->incrby($counter, 10);
$client->get($counter);
say_values('transaction', $client->exec);
say_values('refused', eval { $client->decr($counter) } // $@ =~ s/\n.*//sr);
say_values('large', $client->incr("$counter.large"));
