"""Nets over sequences of numbers: transformers, recurrent nets, a recommender."""
from . import Input, ids, image, model, program

BOTH = ("jit", "static")


@model(ids("input_ids", 9, 50, free=(0,)), ids("token_type_ids", 9, 2, free=(0,)), styles=BOTH, recorded=True)
def bert(paddle):
    nn = paddle.nn

    class Bert(nn.Layer):
        """Embeddings of words, positions and segments; id 0 is padding; answers for every token and for the whole."""

        def __init__(self):
            super().__init__()
            self.word, self.position, self.segment = nn.Embedding(50, 16), nn.Embedding(32, 16), nn.Embedding(2, 16)
            self.norm, self.dropout = nn.LayerNorm(16), nn.Dropout(0.1)
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, activation="gelu"), 2)
            self.pooler = nn.Linear(16, 16)

        def forward(self, input_ids, token_type_ids):
            mask = paddle.unsqueeze((input_ids == 0).astype("float32") * -1e4, [1, 2])
            ones = paddle.ones_like(input_ids)
            positions = paddle.cumsum(ones, axis=-1) - ones
            hidden = self.word(input_ids) + self.position(positions) + self.segment(token_type_ids)
            hidden = self.encoder(self.dropout(self.norm(hidden)), mask)
            return hidden, paddle.tanh(self.pooler(hidden[:, 0]))

    return Bert()


@model(ids("tokens", 8, 60, free=(0,)), recorded=True)
def gpt(paddle):
    nn = paddle.nn

    class Gpt(nn.Layer):
        """Norms before the attention, a causal mask, logits from the transposed embedding."""

        def __init__(self):
            super().__init__()
            self.word, self.position = nn.Embedding(60, 16), nn.Embedding(32, 16)
            layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.1, activation="gelu", normalize_before=True)
            self.decoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(16))

        def forward(self, tokens):
            length = paddle.shape(tokens)[1]
            positions = paddle.arange(0, length, dtype="int64").unsqueeze(0)
            mask = paddle.triu(paddle.full([length, length], float("-inf")), 1)
            hidden = self.decoder(self.word(tokens) + self.position(positions), mask)
            return paddle.matmul(hidden, self.word.weight, transpose_y=True)

    return Gpt()


@model(ids("source", 7, 40, free=(0,)), ids("target", 5, 40, free=(0,)))
def seq2seq(paddle):
    nn = paddle.nn

    class Translator(nn.Layer):
        def __init__(self):
            super().__init__()
            self.source, self.target = nn.Embedding(40, 16), nn.Embedding(40, 16, padding_idx=0)
            self.transformer = nn.Transformer(16, 2, 2, 2, 32)
            self.output = nn.Linear(16, 40)

        def forward(self, source, target):
            causal = paddle.nn.Transformer.generate_square_subsequent_mask(self.transformer, paddle.shape(target)[1])
            padding = paddle.unsqueeze(paddle.cast(source == 1, "float32") * -1e9, [1, 2])
            hidden = self.transformer(self.source(source) * 4.0, self.target(target) * 4.0, padding, causal, padding)
            return paddle.nn.functional.log_softmax(self.output(hidden), axis=-1)

    return Translator()


@model(ids("tokens", 6, 30, free=(0,)), Input("length", [], "int64", 2, 6), styles=BOTH, recorded=True)
def bilstm(paddle):
    nn = paddle.nn

    class Tagger(nn.Layer):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(30, 8)
            self.lstm = nn.LSTM(8, 8, num_layers=2, direction="bidirect", dropout=0.1)
            self.output = nn.Linear(16, 5)

        def forward(self, tokens, length):
            hidden, (last, cell) = self.lstm(self.embedding(tokens), sequence_length=length)
            return paddle.nn.functional.softmax(self.output(hidden)), last, cell

    return Tagger()


@model(Input("x", [5, 6], free=(0,)), recorded=True)
def gru(paddle):
    nn = paddle.nn

    class Forecast(nn.Layer):
        def __init__(self):
            super().__init__()
            self.gru, self.output = nn.GRU(6, 10), nn.Linear(10, 2)

        def forward(self, x):
            hidden, last = self.gru(x)
            return self.output(paddle.mean(hidden, axis=1)) + self.output(last[0])

    return Forecast()


@model(Input("x", [5, 6]))
def simple_rnn_cell(paddle):
    """A cell stepped through time by nn.RNN, in both directions."""
    nn = paddle.nn

    class Stepped(nn.Layer):
        def __init__(self):
            super().__init__()
            self.rnn = nn.BiRNN(nn.SimpleRNNCell(6, 4), nn.SimpleRNNCell(6, 4, activation="relu"))

        def forward(self, x):
            hidden, _ = self.rnn(x)
            return hidden

    return Stepped()


@model(image(1, 16, 64, free=(2,)))
def crnn(paddle):
    """Text in a picture: columns of features, two LSTMs, the likeliest symbol of each column."""
    nn = paddle.nn

    class Crnn(nn.Layer):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2D(1, 8, 3, padding=1), nn.BatchNorm2D(8), nn.ReLU(), nn.MaxPool2D(2, 2),
                                          nn.Conv2D(8, 16, 3, padding=1), nn.BatchNorm2D(16), nn.Hardswish(), nn.MaxPool2D((2, 1), (2, 1)),
                                          nn.Conv2D(16, 16, (4, 1)), nn.ReLU())
            self.lstm = nn.LSTM(16, 12, direction="bidirectional")
            self.output = nn.Linear(24, 11)

        def forward(self, image):
            columns = paddle.transpose(paddle.squeeze(self.features(image), axis=2), [0, 2, 1])
            logits = self.output(self.lstm(columns)[0])
            return paddle.nn.functional.softmax(logits, axis=2), paddle.argmax(logits, axis=2)

    return Crnn()


@program(Input("logits", [12, 6]), Input("length", [1], "int64", 8, 12), Input("label", [4], "int32", 1, 6),
         Input("label_length", [], "int64", 2, 4), recorded=True)
def ctc(paddle, logits, length, label, label_length):
    """The loss of known text, and the text found by the best path."""
    lengths = paddle.squeeze(length, 1)
    loss = paddle.nn.functional.ctc_loss(paddle.transpose(logits, [1, 0, 2]), label, lengths, label_length, reduction="none")
    _, best = paddle.topk(logits, 1)
    helper = paddle.base.layer_helper.LayerHelper("ctc_align")
    text, text_length = helper.create_variable_for_type_inference("int64"), helper.create_variable_for_type_inference("int64")
    helper.append_op(type="ctc_align", inputs={"Input": [paddle.squeeze(best, 2)], "InputLength": [length]},
                     outputs={"Output": [text], "OutputLength": [text_length]}, attrs={"merge_repeated": True, "blank": 0, "padding_value": 0})
    return loss, text, text_length


@model(Input("dense", [5]), ids("sparse", 6, 100), styles=BOTH, recorded=True)
def wide_and_deep(paddle):
    nn = paddle.nn

    class WideDeep(nn.Layer):
        def __init__(self):
            super().__init__()
            self.wide, self.deep = nn.Embedding(100, 1), nn.Embedding(100, 4)
            self.tower = nn.Sequential(nn.Linear(29, 16), nn.ReLU(), nn.BatchNorm1D(16), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))

        def forward(self, dense, sparse):
            linear = paddle.sum(self.wide(sparse), axis=1)
            embedded = self.deep(sparse)
            crossed = 0.5 * paddle.sum(paddle.square(paddle.sum(embedded, 1)) - paddle.sum(paddle.square(embedded), 1), 1, keepdim=True)
            deep = self.tower(paddle.concat([paddle.flatten(embedded, 1), dense], axis=1))
            return paddle.nn.functional.sigmoid(linear + crossed + deep)

    return WideDeep()


@model(ids("tokens", 20, 40, free=(0,)))
def text_cnn(paddle):
    nn = paddle.nn

    class TextCnn(nn.Layer):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(40, 8)
            self.convolutions = nn.LayerList([nn.Conv1D(8, 6, size) for size in (2, 3, 4)])
            self.output = nn.Linear(18, 3)

        def forward(self, tokens):
            x = paddle.transpose(self.embedding(tokens), [0, 2, 1])
            found = [paddle.max(paddle.nn.functional.relu(one(x)), axis=2) for one in self.convolutions]
            return self.output(paddle.concat(found, axis=1))

    return TextCnn()


@model(ids("tokens", 6, 30), Input("length", [], "int64", 2, 7), recorded=True)
def crf_tagger(paddle):
    """Scores of a GRU, the best path of tags by Viterbi."""
    nn = paddle.nn

    class Tagger(nn.Layer):
        def __init__(self):
            super().__init__()
            self.embedding, self.gru, self.scores = nn.Embedding(30, 8), nn.GRU(8, 6, direction="bidirectional"), nn.Linear(12, 5)
            self.transitions = self.create_parameter([5, 5])

        def forward(self, tokens, length):
            scores = self.scores(self.gru(self.embedding(tokens))[0])
            return paddle.text.viterbi_decode(scores, self.transitions, length, True)

    return Tagger()
