// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.kubernetes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.culvert.lab.net.Commands;
import dev.culvert.lab.net.LabException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/** The keys of an etcd, read and written beneath the API servers, through etcd's JSON gateway. */
public final class EtcdKeys {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Place place;

  EtcdKeys(Place place) {
    this.place = place;
  }

  /**
   * Deletes all keys that begin so.
   *
   * @param prefix ASCII, such as {@code /registry/minions/}
   * @return how many there were
   */
  public int deleteAll(String prefix) {
    byte[] from = ascii(prefix);
    byte[] to = from.clone();
    to[to.length - 1]++;
    ObjectNode range = JSON.createObjectNode().put("key", from).put("range_end", to);
    return ask("deleterange", range).path("deleted").asInt();
  }

  /** Replaces a text in the value of a key by another one of the same length. */
  public void replace(String key, String text, String by) {
    byte[] value = value(key);
    byte[] old = ascii(text);
    byte[] fresh = ascii(by);
    int at = find(value, old);
    if (at < 0 || old.length != fresh.length) {
      throw new LabException(text + " is not in " + key + ", or of another length");
    }
    System.arraycopy(fresh, 0, value, at, fresh.length);
    ask("put", JSON.createObjectNode().put("key", ascii(key)).put("value", value));
  }

  private byte[] value(String key) {
    JsonNode found =
        ask("range", JSON.createObjectNode().put("key", ascii(key))).at("/kvs/0/value");
    if (!found.isTextual()) {
      throw new LabException("etcd has no key " + key);
    }
    return Base64.getDecoder().decode(found.asText());
  }

  private static int find(byte[] in, byte[] text) {
    for (int i = 0; i + text.length <= in.length; i++) {
      if (Arrays.equals(in, i, i + text.length, text, 0, text.length)) {
        return i;
      }
    }
    return -1;
  }

  /** Writes a key as often as asked, without its value being of interest. */
  boolean write(int times) {
    ObjectNode any = JSON.createObjectNode().put("key", ascii("culvert-lab")).put("value", "");
    return attempt("put?[1-" + times + "]", any).succeeded();
  }

  private JsonNode ask(String operation, ObjectNode request) {
    try {
      return JSON.readTree(attempt(operation, request).orThrow().out());
    } catch (IOException e) {
      throw new LabException("etcd's answer is not JSON", e);
    }
  }

  private Commands.Result attempt(String operation, ObjectNode request) {
    return place.attempt(
        Commands.PATIENCE,
        List.of(
            "curl",
            "--silent",
            "--show-error",
            "--fail",
            "--fail-early",
            "--data",
            request.toString(),
            place.etcdUrl() + "/v3/kv/" + operation));
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
