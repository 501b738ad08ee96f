#include "installer/config.hpp"

#include <algorithm>

#include "protocol/base/config_parts.hpp"
#include "protocol/messages/installer_messages.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::installer {
namespace {

void read_closing(ObjectReader& in, ProductConfig& product) {
  const auto running = in.text_or("running", "leave", 8);
  if (running != "leave" && running != "ask" && running != "end")
    in.fail("running", "wanted \"leave\", \"ask\" or \"end\"");
  if (running != "leave" && product.self) in.fail("running", "this installer is not closed by itself (self)");
  if (running != "leave") product.closing.running = running == "ask" ? Running::ask : Running::end;
  product.closing.wait = in.duration_or("close_wait", product.closing.wait, std::chrono::seconds(0), kLongestCloseWait);
}

Result<ProductConfig> read_product(ObjectReader& in) {
  ProductConfig product;
  product.product = in.parsed("product", trust::parse_name).value_or("");
  product.channel = in.has("channel") ? in.parsed("channel", trust::parse_name).value_or("") : "stable";
  product.platform = in.has("platform") ? in.parsed("platform", trust::parse_name).value_or("") : own_platform();
  product.root = in.parsed("root", parse_absolute_path).value_or("");
  product.prerelease = in.boolean_or("prerelease", false);
  const auto repair = in.text_or("repair", "auto", 8);
  if (repair != "auto" && repair != "ask") in.fail("repair", "wanted \"auto\" or \"ask\"");
  product.repairs_itself = repair == "auto";
  product.hard_links = in.boolean_or("hard_links", false);
  product.self = in.boolean_or("self", false);
  read_closing(in, product);
  UPSWARM_CHECK(in.finish());
  return product;
}

/// The same folder, or one inside the other. Both are normal.
bool overlap(const Path& one, const Path& other) {
  const auto parts_of = [](const Path& path) { return path.has_filename() ? path : path.parent_path(); };
  const auto a = parts_of(one);
  const auto b = parts_of(other);
  const auto ends = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return ends.first == a.end() || ends.second == b.end();
}

/// What is in ROOT is moved and removed by its name: it must hold nothing but its product.
void check_root(ObjectReader& in, const ProductConfig& product, const InstallerConfig& config) {
  const auto whose = "root of " + product.product + ", " + product.root.string() + ", ";
  if (product.root == product.root.root_path()) in.fail("product", "the " + whose + "is that of the whole system");
  if (overlap(product.root, config.state_folder))
    in.fail("product", "the " + whose + "and state_folder lie in each other");
  for (const auto& other : config.products) {
    if (other.product == product.product) in.fail("product", "two products have the name " + product.product);
    if (other.self && product.self) in.fail("product", "two products are this installer itself (self)");
    if (overlap(product.root, other.root))
      in.fail("product", "the " + whose + "and that of " + other.product + " lie in each other");
  }
}

}  // namespace

bool is_root_account(const std::string& name) {
  return name == "root" || (!name.empty() && name.find_first_not_of('0') == std::string::npos);
}

std::vector<std::string> InstallerConfig::product_names() const {
  std::vector<std::string> names;
  for (const auto& product : products) names.push_back(product.product);
  return names;
}

Result<InstallerConfig> read_installer_config(const Config& config) {
  using std::chrono::hours;
  InstallerConfig out;
  auto in = config.reader();
  out.state_folder = path_or(in, "state_folder", out.state_folder);
  out.socket = path_or(in, "socket", out.socket);
  out.root_file = path_or(in, "root_file", out.root_file);
  out.agent_account = in.text_or("agent_account", out.agent_account, 64);
  if (is_root_account(out.agent_account))
    in.fail("agent_account", "it must not be root: whoever speaks for the agent would be an administrator");
  if (in.has("ring")) out.ring = in.parsed("ring", trust::parse_name).value_or("");
  out.systemctl = path_or(in, "systemctl", out.systemctl);
  out.keep_releases = in.integer_or("keep_releases", out.keep_releases, 1, 100);
  out.keep_for = in.duration_or("keep_for", out.keep_for, hours(0), hours(24 * 365));
  out.keep_free = in.bytes_or("keep_free", out.keep_free, 0_B, 1024_GiB);
  out.recovery_retry = in.duration_or("recovery_retry", out.recovery_retry, std::chrono::seconds(1), hours(1));
  out.self_watch = in.duration_or("self_watch", out.self_watch, std::chrono::seconds(1), hours(24));
  out.verify_every = in.duration_or("verify_every", out.verify_every, hours(0), hours(24 * 365));
  UPSWARM_CHECK(read_log_settings(in, out.log));
  for (const auto& value : in.array("product", messages::kMostProducts)) {
    auto one = in.inside(value, "product", out.products.size());
    UPSWARM_TRY(auto product, read_product(one));
    check_root(in, product, out);
    out.products.push_back(std::move(product));
  }
  if (in.good() && out.products.empty()) in.fail("product", "at least one [[product]] is wanted");
  UPSWARM_CHECK(in.finish());
  return out;
}

}  // namespace upswarm::installer
