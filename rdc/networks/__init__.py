"""The networks of the four papers: codecs, quantizer, critics and classifiers."""
