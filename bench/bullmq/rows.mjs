// The rows that a plain worker makes of messages, as one array a column: bench/controls/rows.py in JavaScript.
const METRICS = {
  llm_response_latency_ms: ["llm", "responseLatencyMs"],
  llm_queue_latency_ms: ["llm", "queueLatencyMs"],
  tts_generation_time_ms: ["tts", "generationTimeMs"],
  tts_audio_duration_ms: ["tts", "audioDurationMs"],
  tts_queue_latency_ms: ["tts", "queueLatencyMs"],
  tts_is_cache_playing: ["tts", "isCachePlaying"],
  stt_confidence: ["stt", "confidence"],
  stt_vad_ms: ["stt", "vadMs"],
  stt_duration_ms: ["stt", "durationMs"],
  eou_turn_detection_time_ms: ["interactlyEOU", "turnDetectionTimeMs"],
};

const ROWS = {
  transcripts: (message) => [
    { role: message.role, text: message.text, spoken_at: message.timestamp, confidence: message.metrics.stt?.confidence },
  ],
  metrics: (message) => [
    {
      role: message.role,
      ...Object.fromEntries(Object.entries(METRICS).map(([name, [group, leaf]]) => [name, message.metrics[group]?.[leaf]])),
    },
  ],
  interruptions: (message) =>
    (message.skippedAssistantMessages ?? []).map((skipped, ordinal) => ({
      ordinal,
      interrupted_text: skipped.text,
      interrupted_message_id: skipped.messageId,
      interrupted_at: message.timestamp,
    })),
};

const COLUMNS = {
  transcripts: ["call_id", "message_id", "role", "text", "spoken_at", "confidence"],
  metrics: ["call_id", "message_id", "role", ...Object.keys(METRICS)],
  interruptions: ["call_id", "message_id", "ordinal", "interrupted_text", "interrupted_message_id", "interrupted_at"],
};

export function columnsOf(stage, callId, messages) {
  const rows = messages.flatMap((message) =>
    ROWS[stage](message).map((row) => ({ call_id: callId, message_id: message.messageId, ...row })),
  );
  return Object.fromEntries(COLUMNS[stage].map((name) => [name, rows.map((row) => row[name] ?? null)]));
}
