# Loads YAML texts as GitLab does and prints what Psych makes of them.
# Input: one base64 text a line. Output: one JSON object a line, {"ok": true, "value": …} or {"ok": false, "error": …}.
require "base64"
require "json"
require "psych"

class Reference
  attr_reader :seq

  def init_with(coder)
    @seq = coder.seq
  end
end
Psych.add_tag("!reference", Reference)

def shown(value, depth = 0)
  raise "too deep" if depth > 100
  case value
  when Hash
    if value.keys.all?(String) && value.keys.all?(&:valid_encoding?)
      value.transform_values { |inner| shown(inner, depth + 1) }
    else
      {"$pairs" => value.map { |key, inner| [shown(key, depth + 1), shown(inner, depth + 1)] }}
    end
  when Array then value.map { |inner| shown(inner, depth + 1) }
  when Float then {"$float" => value.to_s}
  when Symbol then {"$symbol" => value.to_s}
  when Reference then {"$reference" => shown(value.seq || [], depth + 1)}
  when String then value.dup.force_encoding("UTF-8").valid_encoding? ? value.dup.force_encoding("UTF-8") : raise("not text")
  when nil, true, false, Integer then value
  else raise "a #{value.class}"
  end
end

$stdout.sync = false
STDIN.each_line do |line|
  text = Base64.strict_decode64(line.chomp).force_encoding("UTF-8")
  answer =
    begin
      value = Psych.safe_load(text, permitted_classes: [Symbol, Reference], aliases: true)
      JSON.generate({"ok" => true, "value" => shown(value)}, max_nesting: 0)
    rescue StandardError, SystemStackError => error
      JSON.generate({"ok" => false, "error" => error.class.name})
    end
  puts answer
end
