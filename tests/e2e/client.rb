#!/usr/bin/env ruby
# What the original's Ruby client does on the wire, call by call: one request in flight, compact JSON with command and
# tree_name first, CR LF behind it, one line read and parsed. Run by test_ruby.py, which restarts the server when asked.
require 'json'
require 'socket'

class Answer
  attr_reader :success, :response

  def initialize(members)
    members.each { |name, value| instance_variable_set("@#{name}", value) }
  end
end

class Client
  attr_accessor :tree_name
  attr_reader :sent

  def initialize(host, port)
    @host = host
    @port = port
    @socket = nil
  end

  def call(command, **arguments)
    @sent = { command: command, tree_name: @tree_name }.merge(arguments).to_json
    @socket ||= TCPSocket.new(@host, @port)
    @socket.write(@sent + "\r\n")
    Answer.new(JSON.parse(@socket.readline))
  rescue EOFError, SystemCallError => e
    @socket&.close
    @socket = nil
    Answer.new('success' => false, 'response' => e.message)
  end
end

def check(what, got, want)
  return if want === got

  warn "#{what}: got #{got.inspect}, want #{want.inspect}"
  exit 1
end

def ok(client, want, command, **arguments)
  answer = client.call(command, **arguments)
  check(client.sent, answer.success, true)
  check(client.sent, answer.response, want)
  answer.response
end

def fails(client, want, command, **arguments)
  answer = client.call(command, **arguments)
  check(client.sent, answer.success, false)
  check(client.sent, answer.response, want)
end

# Talks to test_ruby.py: asks for something and waits until it is done; returns what it answers.
def ask_parent(what)
  puts what
  $stdout.flush
  $stdin.gets.chomp
end

host, port = ARGV
client = Client.new(host, port.to_i)
today = Time.now.utc.strftime('%Y%m%d')

# No tree chosen: "tree_name":null goes out.
ok(client, 'pong', :ping)
check('request line', client.sent, '{"command":"ping","tree_name":null}')
ok(client, [], :trees)
fails(client, /tree_name/, :increment, key: 1)

client.tree_name = 'articles'
ok(client, 'OK', :create)
ok(client, 1, :increment, key: 12345)
check('request line', client.sent, '{"command":"increment","tree_name":"articles","key":12345}')
4.times { ok(client, 1, :increment, key: 12345) }
ok(client, 1, :decrement, key: 12345)
ok(client, 1, :increment, key: 18446744073709551615)
ok(client, 4, :sum, key: 12345)
ok(client, 4, :sum, key: 12345, time_from: 20230701, time_to: 99999999)
check('request line', client.sent,
      '{"command":"sum","tree_name":"articles","key":12345,"time_from":20230701,"time_to":99999999}')
ok(client, { today => 4 }, :find, key: 12345, time_from: 0, time_to: 99999999)
ok(client, { '12345' => { today => 4 }, '18446744073709551615' => { today => 1 } }, :find, time_from: 0, time_to: 99999999)
fails(client, String, :increment, key: '12345') # keys given as strings go out as strings
ok(client, 'OK', :reset, key: 18446744073709551615)
ok(client, true, :delete, key: 18446744073709551615, time_from: 0, time_to: 99999999)
ok(client, 'Tree "articles" saved', :dump)
ok(client, 'OK', :dump_all)

client.tree_name = 'просмотры'
ok(client, 1, :increment, key: 1)
check('request line', client.sent, '{"command":"increment","tree_name":"просмотры","key":1}'.b.force_encoding('UTF-8'))
ok(client, %w[articles просмотры], :trees)

# The server ends and starts again on the same port: the first call fails, the next one reconnects.
check('restart', ask_parent('restart'), 'done')
client.tree_name = 'articles'
fails(client, 'end of file reached', :sum, key: 12345)
ok(client, 4, :sum, key: 12345)
ok(client, %w[articles просмотры], :trees)

files = ok(client, Array, :dumps)
ok(client, 1, :increment, key: 12345)
client.tree_name = files.find { |name| name.end_with?('_articles.tree') }
ok(client, 'Tree "articles" loaded', :load)
client.tree_name = 'articles'
ok(client, 4, :sum, key: 12345)
ok(client, 'OK', :reset)
ok(client, {}, :find, time_from: 0, time_to: 99999999)
ok(client, 'OK', :drop)
fails(client, 'Tree "articles" not exists', :drop)
fails(client, 'Tree "articles" not found', :dump)
client.tree_name = '1_none.tree'
fails(client, 'Dump "none" not exists', :load)
fails(client, 'Unknown command nonsense', :nonsense)

# Five connections of one process, each with a request in flight.
threads = Array.new(5) do
  Thread.new do
    mine = Client.new(host, port.to_i)
    mine.tree_name = 'shared'
    100.times { ok(mine, 1, :increment, key: 7) }
  end
end
threads.each(&:join)
client.tree_name = 'shared'
ok(client, 500, :sum, key: 7)
puts 'finished'
